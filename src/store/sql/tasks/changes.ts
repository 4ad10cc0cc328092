import { isId } from "../../../model/ids";
import type { ResponseChange } from "../../store";
import type { Database } from "../connection";
import { between, feedEnd, feedOrder, inOrder, placeAt, placeOf, placeText, toPlace } from "../feed";
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

/** The time of a row's last change: its end, if nothing has happened since. */
const LAST = [
  ["changed_at", "(finished_at IS NULL OR finished_at <= changed_at)"],
  ["finished_at", "finished_at > changed_at"],
] as const;

/**
 * The rows in the order of their last change; a row that changed twice since then comes once, as it is
 * now. An end moves no entry in the index of changes: ends are read by their own time, and the two
 * lists are merged here.
 */
export function changesAfter(
  db: Database,
  after: string | null,
  limit: number,
  only: { taskId?: string; type?: string } = {},
): Promise<{ changes: ResponseChange[]; cursor: string }> {
  return db.read(async (connection) => {
    const end = await feedEnd(connection);
    const place = after === null ? null : toPlace(after);
    if (place === null) return { changes: [], cursor: placeText(placeAt(end)) };
    if (only.taskId !== undefined && !isId(only.taskId)) return { changes: [], cursor: placeText(place) };
    const found: ChangeRow[] = [];
    for (const [clock, last] of LAST) {
      const sql = new Sql(`SELECT ${COLUMNS}, ${clock} AS last_at FROM task_responses WHERE `);
      sql.append(between(clock, place, end)).add(` AND ${last}`);
      if (only.taskId !== undefined) sql.add(" AND task_id = ?", only.taskId);
      if (only.type !== undefined) sql.add(" AND type = ?", only.type);
      sql.add(`${feedOrder(clock)} LIMIT ?`, limit);
      found.push(...(await connection.query<ChangeRow>(sql.text, sql.values)));
    }
    found.sort((a, b) => inOrder(placeOf(a.last_at, a), placeOf(b.last_at, b)));
    const changes = found.slice(0, limit).map(toChange);
    return { changes, cursor: changes.length < limit ? placeText(placeAt(end)) : changes.at(-1)!.cursor };
  });
}

function toChange({ last_at, ...row }: ChangeRow): ResponseChange {
  return { ...row, cursor: placeText(placeOf(last_at, row)), changedAt: fromDb(last_at) };
}
