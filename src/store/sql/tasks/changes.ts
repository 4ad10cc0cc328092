import { isId } from "../../../model/ids";
import type { ResponseChange } from "../../store";
import type { Database } from "../connection";
import { between, feedEnd, feedOrder, inOrder, positionAt, positionOf, positionText, toPosition } from "../feed";
import { Sql } from "../sql";
import { RESPONSES } from "../tables/responses";
import { fromDb } from "../times";

const COLUMNS = RESPONSES.select("", {
  only: [
    ...(["taskId", "endpoint", "job", "type", "performer", "status", "reason"] as const),
    ...(["attempt", "attempts", "progress", "progressMessage", "version"] as const),
  ],
});

/** The row with the time of its last change, as the database writes it. */
type ChangeRow = Omit<ResponseChange, "cursor" | "changedAt"> & { last_at: string };

/** The time of a row's last change: its end, if no change has followed. */
const LAST = [
  ["changed_at", "(finished_at IS NULL OR finished_at <= changed_at)"],
  ["finished_at", "finished_at > changed_at"],
] as const;

/**
 * Rows in the order of their last change. A row that has changed twice comes once, as it is now. An
 * end does not touch `changed_at` and its index, so rows are read by both times and merged.
 */
export function changesAfter(
  db: Database,
  after: string | null,
  limit: number,
  only: { taskId?: string; type?: string } = {},
): Promise<{ changes: ResponseChange[]; cursor: string }> {
  return db.read(async (connection) => {
    const end = await feedEnd(connection);
    const start = after === null ? null : toPosition(after);
    if (start === null) return { changes: [], cursor: positionText(positionAt(end)) };
    if (only.taskId !== undefined && !isId(only.taskId)) return { changes: [], cursor: positionText(start) };
    const found: ChangeRow[] = [];
    for (const [clock, last] of LAST) {
      const sql = new Sql(`SELECT ${COLUMNS}, ${clock} AS last_at FROM task_responses WHERE `);
      sql.append(between(clock, start, end)).add(` AND ${last}`);
      if (only.taskId !== undefined) sql.add(" AND task_id = ?", only.taskId);
      if (only.type !== undefined) sql.add(" AND type = ?", only.type);
      sql.add(`${feedOrder(clock)} LIMIT ?`, limit);
      found.push(...(await connection.query<ChangeRow>(sql.text, sql.values)));
    }
    found.sort((a, b) => inOrder(positionOf(a.last_at, a), positionOf(b.last_at, b)));
    const changes = found.slice(0, limit).map(toChange);
    return { changes, cursor: changes.length < limit ? positionText(positionAt(end)) : changes.at(-1)!.cursor };
  });
}

function toChange({ last_at, ...row }: ChangeRow): ResponseChange {
  return { ...row, cursor: positionText(positionOf(last_at, row)), changedAt: fromDb(last_at) };
}
