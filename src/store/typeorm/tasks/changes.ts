import { isId } from "../../../model/ids";
import type { ResponseStatus } from "../../../model/response";
import type { ResponseChange } from "../../store";
import type { Connection, Database } from "../connection";
import { Sql } from "../sql";
import { dbToMs, fromDb, msToDb } from "../times";

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

/** A place in the feed: (changed_at, task, endpoint, job). */
type Place = readonly [time: string, taskId: string, endpoint: string, job: string];

/**
 * The rows in the order of their last change; a row that changed twice since then comes once, as it is now. The feed ends a
 * moment before the clock: what has been written but not yet committed would otherwise be passed over.
 */
export function changesAfter(
  db: Database,
  after: string | null,
  limit: number,
  only: { taskId?: string; type?: string } = {},
): Promise<{ changes: ResponseChange[]; cursor: string }> {
  return db.read(async (connection) => {
    const end = await feedEnd(connection);
    const place = after === null ? null : parse(after);
    if (place === null) return { changes: [], cursor: [end, "", "", ""].join("|") };
    if (only.taskId !== undefined && !isId(only.taskId)) return { changes: [], cursor: place.join("|") };
    const [time, taskId, endpoint, job] = place;
    const sql = new Sql(
      `SELECT task_id, endpoint, job, type, performer, status, reason, attempt, attempts, progress, progress_message, changed_at, version
       FROM task_responses WHERE changed_at >= ? AND changed_at < ?`,
      [time, end],
    );
    sql.add(
      ` AND (changed_at > ? OR task_id > ? OR (task_id = ? AND (endpoint > ? OR (endpoint = ? AND job > ?))))`,
      ...[time, taskId, taskId, endpoint, endpoint, job],
    );
    if (only.taskId !== undefined) sql.add(" AND task_id = ?", only.taskId);
    if (only.type !== undefined) sql.add(" AND type = ?", only.type);
    sql.add(" ORDER BY changed_at, task_id, endpoint, job LIMIT ?", limit);
    const changes = (await connection.query<ChangeRow>(sql.text, sql.values)).map(toChange);
    return { changes, cursor: changes.length < limit ? [end, "", "", ""].join("|") : changes.at(-1)!.cursor };
  });
}

async function feedEnd(connection: Connection): Promise<string> {
  const [row] = await connection.query<{ now_at: string }>(`SELECT ${connection.dialect.now} AS now_at`);
  return msToDb(dbToMs(row!.now_at) - connection.dialect.feedLagMs);
}

function toChange(row: ChangeRow): ResponseChange {
  return {
    cursor: [row.changed_at, row.task_id, row.endpoint, row.job].join("|"),
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

const CURSOR = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\|[0-9a-f-]*\|[a-z0-9._*-]*\|[a-z0-9._-]*$/;

/** Null for what is not a cursor: the reader then starts at the feed's end. */
function parse(cursor: string): Place | null {
  return CURSOR.test(cursor) ? (cursor.split("|") as unknown as Place) : null;
}
