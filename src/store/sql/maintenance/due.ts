import { isId } from "../../../model/ids";
import { isFinal } from "../../../model/response";
import type { DueResponse, ManagerRecord } from "../../store";
import type { Database } from "../connection";
import { OVERDUE_AFTER_MS } from "../due-times";
import { chunks } from "../sql";
import { RESPONSES } from "../tables/responses";
import { TASKS } from "../tables/tasks";
import { dbToMs } from "../times";

type Plain = Omit<
  DueResponse,
  "published" | "delayed" | "waitOver" | "expired" | "cancelling" | "lost" | "overdue" | "nextClockMs"
>;

/** Times are as the database writes them. */
interface Clocks {
  published: number;
  cancel_at: string | null;
  delay_until: string | null;
  retry_at: string | null;
  wait_until: string;
  expires_at: string | null;
  timeout_at: string | null;
  manager_state: ManagerRecord["state"] | null;
  now_at: string;
}

const OF_RESPONSE = RESPONSES.select("r.", {
  only: [
    ...(["taskId", "endpoint", "job", "type", "status", "performer", "attempt", "attempts"] as const),
    ...(["generation", "managerId", "leaseId", "version"] as const),
  ],
});
const OF_TASK = TASKS.select("t.", { only: ["identifier", "priority", "traceparent"] });

export function dueResponses(db: Database, limit: number): Promise<DueResponse[]> {
  const { now } = db.dialect;
  return db.read(async (connection) => {
    const rows = await connection.query<Plain & Clocks>(
      `SELECT ${OF_RESPONSE}, ${OF_TASK}, r.timeout_ms AS timeoutMs, t.payload_bytes AS payloadBytes,
         r.published, r.cancel_at, r.delay_until, r.retry_at, r.timeout_at, t.wait_until, t.expires_at,
         m.state AS manager_state, ${now} AS now_at
       FROM task_responses r JOIN tasks t ON t.id = r.task_id LEFT JOIN managers m ON m.id = r.manager_id
       WHERE r.finished_at IS NULL AND r.due_at <= ${now} ORDER BY r.due_at LIMIT ?`,
      [limit],
    );
    return rows.map(toDue);
  });
}

function toDue(given: Plain & Clocks): DueResponse {
  const {
    published,
    cancel_at,
    delay_until,
    retry_at,
    wait_until,
    expires_at,
    timeout_at,
    manager_state,
    now_at,
    ...row
  } = given;
  // Times in one format compare as text.
  const ahead = (time: string | null): time is string => time !== null && time > now_at;
  const fromNow = (time: string) => dbToMs(time) - dbToMs(now_at);
  const running = row.status === "running";
  const overdueInMs = timeout_at === null ? 0 : fromNow(timeout_at) + OVERDUE_AFTER_MS;
  const clocks = isFinal(row.status) ? [] : [wait_until, expires_at, delay_until, retry_at];
  const next = running ? [overdueInMs] : clocks.filter(ahead).map(fromNow);
  return {
    ...TASKS.record<Plain>(row),
    published: published !== 0,
    delayed: ahead(delay_until) || ahead(retry_at),
    waitOver: !ahead(wait_until),
    expired: expires_at !== null && !ahead(expires_at),
    cancelling: cancel_at !== null,
    lost: running && manager_state !== "alive" && manager_state !== "draining",
    overdue: running && overdueInMs <= 0,
    nextClockMs: next.length === 0 ? null : Math.min(...next),
  };
}

export async function payloadsOf(db: Database, taskIds: readonly string[]): Promise<Map<string, string>> {
  const payloads = new Map<string, string>();
  for (const part of chunks(taskIds.filter(isId), 200)) {
    const list = db.dialect.isIn("id", part);
    const rows = await db.read((connection) =>
      connection.query<{ id: string; payload: string }>(
        `SELECT id, payload FROM tasks WHERE ${list.text}`,
        list.values,
      ),
    );
    for (const row of rows) payloads.set(row.id, row.payload);
  }
  return payloads;
}
