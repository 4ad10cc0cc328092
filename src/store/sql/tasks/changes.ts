import { isId } from "../../../model/ids";
import type { ResponseStatus } from "../../../model/response";
import type { ResponseChange } from "../../store";
import type { Database } from "../connection";
import { between, feedEnd, feedOrder, inOrder, type Place, placeAt, placeOf, placeText, toPlace } from "../feed";
import { Sql } from "../sql";
import { fromDb } from "../times";

interface ChangeRow {
  task_id: string;
  endpoint: string;
  job: string;
  type: string;
  performer: string | null;
  status: ResponseStatus;
  reason: string | null;
  attempt: number;
  attempts: number;
  progress: number;
  progress_message: string | null;
  told_at: string;
  version: number;
}

const COLUMNS =
  "task_id, endpoint, job, type, performer, status, reason, attempt, attempts, progress, progress_message, version";

/** By which time a row is told of: its end, if nothing has happened since. */
const LAST = [
  ["changed_at", "(finished_at IS NULL OR finished_at <= changed_at)"],
  ["finished_at", "finished_at > changed_at"],
] as const;

/**
 * The rows in the order of their last change; a row that changed twice since then comes once, as it is now. An end is no change of
 * its own in the index (it would be one more entry to move for every response): ends are read by their time, and the two
 * put in order here.
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
    const found: Array<{ at: Place; change: ResponseChange }> = [];
    for (const [clock, last] of LAST) {
      const sql = new Sql(`SELECT ${COLUMNS}, ${clock} AS told_at FROM task_responses WHERE `);
      sql.append(between(clock, place, end)).add(` AND ${last}`);
      if (only.taskId !== undefined) sql.add(" AND task_id = ?", only.taskId);
      if (only.type !== undefined) sql.add(" AND type = ?", only.type);
      sql.add(`${feedOrder(clock)} LIMIT ?`, limit);
      const rows = await connection.query<ChangeRow>(sql.text, sql.values);
      found.push(...rows.map((row) => ({ at: placeOf(row.told_at, row), change: toChange(row) })));
    }
    found.sort((a, b) => inOrder(a.at, b.at));
    const changes = found.slice(0, limit).map(({ change }) => change);
    return { changes, cursor: changes.length < limit ? placeText(placeAt(end)) : changes.at(-1)!.cursor };
  });
}

function toChange(row: ChangeRow): ResponseChange {
  return {
    cursor: placeText(placeOf(row.told_at, row)),
    taskId: row.task_id,
    endpoint: row.endpoint,
    job: row.job,
    type: row.type,
    performer: row.performer,
    status: row.status,
    reason: row.reason,
    attempt: row.attempt,
    attempts: row.attempts,
    progress: row.progress,
    progressMessage: row.progress_message,
    changedAt: fromDb(row.told_at),
    version: row.version,
  };
}
