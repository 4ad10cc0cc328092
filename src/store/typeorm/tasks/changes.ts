import { isId } from "../../../model/ids";
import type { ResponseStatus } from "../../../model/response";
import type { ResponseChange } from "../../store";
import type { Database } from "../connection";
import { between, feedEnd, feedOrder, placeAt, placeOf, placeText, toPlace } from "../feed";
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
  changed_at: string;
  version: number;
}

/** The rows in the order of their last change; a row that changed twice since then comes once, as it is now. */
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
    const sql = new Sql(
      `SELECT task_id, endpoint, job, type, performer, status, reason, attempt, attempts, progress, progress_message, changed_at, version
       FROM task_responses WHERE `,
    ).append(between(place, end));
    if (only.taskId !== undefined) sql.add(" AND task_id = ?", only.taskId);
    if (only.type !== undefined) sql.add(" AND type = ?", only.type);
    sql.add(`${feedOrder()} LIMIT ?`, limit);
    const changes = (await connection.query<ChangeRow>(sql.text, sql.values)).map(toChange);
    return { changes, cursor: changes.length < limit ? placeText(placeAt(end)) : changes.at(-1)!.cursor };
  });
}

function toChange(row: ChangeRow): ResponseChange {
  return {
    cursor: placeText(placeOf(row)),
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
    changedAt: fromDb(row.changed_at),
    version: row.version,
  };
}
