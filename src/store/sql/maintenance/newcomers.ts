import type { MaintenanceStore } from "../../store";
import type { Database } from "../connection";

/** See MaintenanceStore.newcomers. By the index of managers' states: those that live are few beside those that have gone. */
export function newcomersAfter(
  db: Database,
  after: string | null,
  overlapMs: number,
): ReturnType<MaintenanceStore["newcomers"]> {
  return db.read(async (connection) => {
    const [row] = await connection.query<{ place: string }>(`SELECT ${db.dialect.nowPlus("?")} AS place`, [-overlapMs]);
    const newcomers = await connection.query<{ type: string; endpoint: string }>(
      `SELECT DISTINCT t.type, t.endpoint FROM managers m JOIN endpoint_types t ON t.endpoint = m.endpoint
       WHERE m.state = 'alive' ${after === null ? "" : "AND m.started_at >= ?"} ORDER BY t.type, t.endpoint`,
      after === null ? [] : [after],
    );
    // With an interval reckoned in, MySQL says more digits than the column has.
    return { newcomers, place: row!.place.slice(0, 23) };
  });
}
