import type { EndedResponse } from "../../store";
import { FINAL } from "../conditions";
import type { Connection, Database } from "../connection";
import { between, feedEnd, feedOrder, placeAt, placeOf, placeText, toPlace } from "../feed";
import { Sql } from "../sql";
import { RESPONSES } from "../tables/responses";
import { dbToMs, fromDb, msToDb } from "../times";

/** After a long time away the feed is followed in strides: each statement ends well within its deadline. */
const STRIDE_MS = 60_000;

type EndedRow = Omit<EndedResponse, "task"> & {
  task_status: string;
  expected: number;
  created_at: string;
  task_delay: string | null;
};

const COLUMNS = RESPONSES.select("r.", {
  only: ["taskId", "endpoint", "job", "type", "performer", "status", "receivedAt", "finishedAt"],
});

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
    const last = rows.at(-1);
    return {
      responses: rows.map(toEnded),
      // The clock may have been set back: the place never is.
      place: placeText(full ? placeOf(last!.finishedAt!, last!) : to > place[0] ? placeAt(to) : place),
      more: full || to < end,
    };
  });
}

function read(connection: Connection, where: Sql, limit: number): Promise<EndedRow[]> {
  return connection.query<EndedRow>(
    `SELECT ${COLUMNS}, t.status AS task_status, t.expected, t.created_at, t.delay_until AS task_delay
     FROM task_responses r${connection.dialect.by("task_responses_agenda")} JOIN tasks t ON t.id = r.task_id
     WHERE ${where.text} AND r.status IN (${FINAL})${feedOrder("finished_at", "r")} LIMIT ?`,
    [...where.values, limit],
  );
}

function toEnded({ task_status, expected, created_at, task_delay, ...row }: EndedRow): EndedResponse {
  const task = { status: task_status, expected, createdAt: fromDb(created_at), delayUntil: fromDb(task_delay) };
  return { ...(RESPONSES.record(row) as Omit<EndedResponse, "task">), task };
}
