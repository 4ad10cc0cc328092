import type { MaintenanceStore } from "../../store";
import type { Database } from "../connection";
import { dbToMs, msToDb, nowOf } from "../times";

/** Uses the index of managers by state, because few of all managers ever registered live. */
export function newcomersAfter(
  db: Database,
  after: string | null,
  overlapMs: number,
): ReturnType<MaintenanceStore["newcomers"]> {
  return db.read(async (connection) => {
    const next = msToDb(dbToMs(await nowOf(connection)) - overlapMs);
    const newcomers = await connection.query<{ type: string; endpoint: string }>(
      `SELECT DISTINCT t.type, t.endpoint FROM managers m JOIN endpoint_types t ON t.endpoint = m.endpoint
       WHERE m.state = 'alive' ${after === null ? "" : "AND m.started_at >= ?"} ORDER BY t.type, t.endpoint`,
      after === null ? [] : [after],
    );
    return { newcomers, next };
  });
}
