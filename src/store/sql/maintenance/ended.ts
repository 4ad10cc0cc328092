import type { FinalStatus } from "../../../model/response";
import type { EndedResponse } from "../../store";
import type { Connection, Database } from "../connection";
import { between, feedEnd, feedOrder, placeAt, placeOf, placeText, toPlace } from "../feed";
import { FINAL, Sql } from "../sql";
import { dbToMs, fromDb, msToDb } from "../times";

/** After a long time away the feed is followed in strides: each statement ends well within its deadline. */
const STRIDE_MS = 60_000;

interface EndedRow {
  task_id: string;
  endpoint: string;
  job: string;
  type: string;
  performer: string | null;
  status: FinalStatus;
  received_at: string | null;
  finished_at: string;
  task_status: string;
  expected: number;
  created_at: string;
  task_delay: string | null;
}

/** What has ended behind the place, in the order of its ends. */
export function endedAfter(
  db: Database,
  after: string | null,
  limit: number,
): Promise<{ responses: EndedResponse[]; place: string; more: boolean }> {
  return db.read(async (connection) => {
    const end = await feedEnd(connection);
    const place = after === null ? null : toPlace(after);
    if (place === null) return { responses: [], place: placeText(placeAt(end)), more: false };
    const to = msToDb(Math.min(dbToMs(place[0]) + STRIDE_MS, dbToMs(end)));
    const rows = await read(connection, new Sql().append(between("finished_at", place, to, "r")), limit);
    const full = rows.length === limit;
    return {
      responses: rows.map(toEnded),
      // The clock may have been set back: the place never is.
      place: placeText(full ? placeOf(rows.at(-1)!.finished_at, rows.at(-1)!) : to > place[0] ? placeAt(to) : place),
      more: full || to < end,
    };
  });
}

function read(connection: Connection, where: Sql, limit: number): Promise<EndedRow[]> {
  return connection.query<EndedRow>(
    `SELECT r.task_id, r.endpoint, r.job, r.type, r.performer, r.status, r.received_at, r.finished_at,
       t.status AS task_status, t.expected, t.created_at, t.delay_until AS task_delay
     FROM task_responses r${connection.dialect.by("task_responses_agenda")} JOIN tasks t ON t.id = r.task_id
     WHERE ${where.text} AND r.status IN (${FINAL})${feedOrder("finished_at", "r")} LIMIT ?`,
    [...where.values, limit],
  );
}

function toEnded(row: EndedRow): EndedResponse {
  return {
    taskId: row.task_id,
    endpoint: row.endpoint,
    job: row.job,
    type: row.type,
    performer: row.performer,
    status: row.status,
    receivedAt: fromDb(row.received_at),
    finishedAt: fromDb(row.finished_at),
    task: {
      status: row.task_status,
      expected: row.expected,
      createdAt: fromDb(row.created_at),
      delayUntil: fromDb(row.task_delay),
    },
  };
}
