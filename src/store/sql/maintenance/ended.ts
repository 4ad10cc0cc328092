import type { EndedResponse } from "../../store";
import { FINAL } from "../conditions";
import type { Connection, Database } from "../connection";
import { between, feedEnd, feedOrder, positionAt, positionOf, positionText, toPosition } from "../feed";
import type { Sql } from "../sql";
import { RESPONSES } from "../tables/responses";
import { dbToMs, fromDb, msToDb } from "../times";

/** The most time that one statement reads, so that a reader far behind meets its deadline. */
const STRIDE_MS = 60_000;

type Response = Omit<EndedResponse, "task">;
type EndedRow = Response & { task_status: string; expected: number; created_at: string; task_delay: string | null };

const COLUMNS = RESPONSES.select("r.", {
  only: ["taskId", "endpoint", "job", "type", "performer", "status", "receivedAt", "finishedAt"],
});

/** The responses that have ended behind the position, in the order of their ends. */
export function endedAfter(
  db: Database,
  after: string | null,
  limit: number,
): Promise<{ responses: EndedResponse[]; position: string; more: boolean }> {
  return db.read(async (connection) => {
    const end = await feedEnd(connection);
    const start = after === null ? null : toPosition(after);
    if (start === null) return { responses: [], position: positionText(positionAt(end)), more: false };
    const to = msToDb(Math.min(dbToMs(start[0]) + STRIDE_MS, dbToMs(end)));
    const rows = await read(connection, between("finished_at", start, to, "r"), limit);
    const full = rows.length === limit;
    const last = rows.at(-1);
    return {
      // A clock that is set back does not move the position back.
      position: positionText(full ? positionOf(last!.finishedAt!, last!) : to > start[0] ? positionAt(to) : start),
      responses: rows.map(toEnded),
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
  return { ...RESPONSES.record<Response>(row), task };
}
