import type { ManagerRecord } from "../../store";
import type { Connection, Value } from "../connection";
import { MANAGERS } from "../tables/endpoints";

export interface ManagerRow extends ManagerRecord {
  /** Its heartbeat is older than `ttl_ms`. */
  silent: boolean;
  /** The types that it serves; null: its version does not register them. */
  types: string[] | null;
}

/** @param where the condition and the order, as SQL */
export async function managersWhere(connection: Connection, where: string, values: Value[]): Promise<ManagerRow[]> {
  const { now, plus } = connection.dialect;
  const rows = await connection.query<{ types: string | null; is_silent: number }>(
    `SELECT ${MANAGERS.all}, types, ${plus("heartbeat_at", "ttl_ms")} < ${now} AS is_silent
     FROM managers WHERE ${where}`,
    values,
  );
  return rows.map(({ types, is_silent, ...row }) => ({
    ...MANAGERS.record(row),
    silent: Number(is_silent) !== 0,
    types: types === null ? null : (JSON.parse(types) as string[]),
  }));
}
