import { isId } from "../../../model/ids";
import { isFinal, type ResponseStatus } from "../../../model/response";
import type { DueResponse } from "../../store";
import type { Database } from "../connection";
import { bytesToText } from "../rows";
import { chunks } from "../sql";
import { dbToMs } from "../times";

interface DueRow {
  task_id: string;
  endpoint: string;
  job: string;
  type: string;
  status: ResponseStatus;
  performer: string | null;
  attempt: number;
  attempts: number;
  manager_id: string | null;
  lease_id: string | null;
  generation: number;
  timeout_ms: number;
  version: number;
  identifier: string | Buffer;
  priority: number;
  traceparent: string | null;
  payload_bytes: number;
  published: number;
  cancel_at: string | null;
  delay_until: string | null;
  retry_at: string | null;
  wait_until: string;
  expires_at: string | null;
  timeout_at: string | null;
  manager_state: string | null;
  now_at: string;
}

/** How long after its timeout a running attempt is overdue: its manager has lost track of it, or the clock has made a step. */
const BACKSTOP_MS = 60_000;

export function dueResponses(db: Database, limit: number): Promise<DueResponse[]> {
  return db.read(async (connection) => {
    const { now } = db.dialect;
    const rows = await connection.query<DueRow>(
      `SELECT r.task_id, r.endpoint, r.job, r.type, r.status, r.performer, r.attempt, r.attempts, r.manager_id, r.lease_id, r.generation,
         r.timeout_ms, r.version, r.published, r.cancel_at, r.delay_until, r.retry_at, r.timeout_at,
         t.identifier, t.priority, t.traceparent, t.payload_bytes, t.wait_until, t.expires_at, m.state AS manager_state, ${now} AS now_at
       FROM task_responses r JOIN tasks t ON t.id = r.task_id LEFT JOIN managers m ON m.id = r.manager_id
       WHERE r.finished_at IS NULL AND r.due_at <= ${now} ORDER BY r.due_at LIMIT ?`,
      [limit],
    );
    return rows.map(toDue);
  });
}

function toDue(row: DueRow): DueResponse {
  // Times of one form compare as texts.
  const ahead = (time: string | null): time is string => time !== null && time > row.now_at;
  const fromNow = (time: string) => dbToMs(time) - dbToMs(row.now_at);
  const running = row.status === "running";
  const toOverdue = row.timeout_at === null ? 0 : fromNow(row.timeout_at) + BACKSTOP_MS;
  const served = row.manager_state === "alive" || row.manager_state === "draining";
  const clocks = isFinal(row.status) ? [] : [row.wait_until, row.expires_at, row.delay_until, row.retry_at];
  const next = running ? [toOverdue] : clocks.filter(ahead).map(fromNow);
  return {
    taskId: row.task_id,
    endpoint: row.endpoint,
    job: row.job,
    type: row.type,
    status: row.status,
    performer: row.performer,
    attempt: row.attempt,
    attempts: row.attempts,
    managerId: row.manager_id,
    leaseId: row.lease_id,
    generation: row.generation,
    timeoutMs: row.timeout_ms,
    version: row.version,
    identifier: bytesToText(row.identifier),
    priority: row.priority,
    traceparent: row.traceparent,
    payloadBytes: row.payload_bytes,
    published: row.published !== 0,
    delayed: ahead(row.delay_until) || ahead(row.retry_at),
    waitOver: !ahead(row.wait_until),
    expired: row.expires_at !== null && !ahead(row.expires_at),
    cancelling: row.cancel_at !== null,
    lost: running && !served,
    overdue: running && toOverdue <= 0,
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
