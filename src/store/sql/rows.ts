import type { ResponseRecord, ResponseStatus } from "../../model/response";
import type { Deliver, TaskRecord, TaskStatus } from "../../model/task";
import type { ResponseBrief } from "../store";
import { fromDb } from "./times";

/** What the drivers give for a row, and the records made of it. Columns are always named: users may add their own. */
export interface TaskRow {
  id: string;
  type: string;
  identifier: string | Buffer;
  body_hash: string;
  payload: string;
  deliver: string;
  attempts: number;
  timeout_ms: number;
  priority: number;
  status: string;
  created_at: string;
  delay_until: string | null;
  wait_until: string;
  expires_at: string | null;
  published_at: string | null;
  finished_at: string | null;
  cancel_at: string | null;
  run_key: string | null;
  traceparent: string | null;
  created_by: string | null;
  version: number;
}

export const TASK_COLUMNS = `id, type, identifier, body_hash, payload, deliver, attempts, timeout_ms, priority, status,
  created_at, delay_until, wait_until, expires_at, published_at, finished_at, cancel_at, run_key, traceparent, created_by, version`;

export interface BriefRow {
  task_id: string;
  endpoint: string;
  job: string;
  type: string;
  performer: string | null;
  status: string;
  reason: string | null;
  attempt: number;
  attempts: number;
  generation: number;
  progress: number;
  progress_message: string | null;
  received_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  retry_at: string | null;
  cancel_at: string | null;
  manager_id: string | null;
  version: number;
}

export interface ResponseRow extends BriefRow {
  result: string | null;
  result_text: string | null;
  error: string | null;
  lease_id: string | null;
}

export const BRIEF_COLUMNS = `task_id, endpoint, job, type, performer, status, reason, attempt, attempts, generation, progress,
  progress_message, received_at, started_at, finished_at, retry_at, cancel_at, manager_id, version`;
export const RESPONSE_COLUMNS = `${BRIEF_COLUMNS}, result, result_text, error, lease_id`;

export function bytesToText(value: string | Buffer): string {
  return typeof value === "string" ? value : value.toString("utf8");
}

export function toTask(row: TaskRow): TaskRecord {
  return {
    id: row.id,
    type: row.type,
    identifier: bytesToText(row.identifier),
    bodyHash: row.body_hash,
    payload: row.payload,
    deliver: row.deliver as Deliver,
    attempts: row.attempts,
    timeoutMs: row.timeout_ms,
    priority: row.priority,
    status: row.status as TaskStatus,
    createdAt: fromDb(row.created_at),
    delayUntil: fromDb(row.delay_until),
    waitUntil: fromDb(row.wait_until),
    expiresAt: fromDb(row.expires_at),
    publishedAt: fromDb(row.published_at),
    finishedAt: fromDb(row.finished_at),
    cancelAt: fromDb(row.cancel_at),
    runKey: row.run_key,
    traceparent: row.traceparent,
    createdBy: row.created_by,
    version: row.version,
  };
}

export function toBrief(row: BriefRow): ResponseBrief {
  return {
    taskId: row.task_id,
    endpoint: row.endpoint,
    job: row.job,
    type: row.type,
    performer: row.performer,
    status: row.status as ResponseStatus,
    reason: row.reason,
    attempt: row.attempt,
    attempts: row.attempts,
    generation: row.generation,
    progress: row.progress,
    progressMessage: row.progress_message,
    receivedAt: fromDb(row.received_at),
    startedAt: fromDb(row.started_at),
    finishedAt: fromDb(row.finished_at),
    retryAt: fromDb(row.retry_at),
    cancelAt: fromDb(row.cancel_at),
    managerId: row.manager_id,
    version: row.version,
  };
}

/** Put into the brief, not spread around it: a copy that grows cost fifty times as much, a sixth of the API's work for large tasks. */
export function toResponse(row: ResponseRow): ResponseRecord {
  const response = toBrief(row) as ResponseRecord;
  response.result = row.result;
  response.resultText = row.result_text;
  response.error = row.error;
  response.leaseId = row.lease_id;
  return response;
}

export async function nowOf(connection: {
  dialect: { now: string };
  query<Row>(sql: string): Promise<Row[]>;
}): Promise<string> {
  const [row] = await connection.query<{ now_at: string }>(`SELECT ${connection.dialect.now} AS now_at`);
  return row!.now_at;
}
