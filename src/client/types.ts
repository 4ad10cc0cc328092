/**
 * The HTTP contract as a client sees it. Written by hand, with nothing from the server's code; a test holds it against the
 * served OpenAPI document. Names are those on the wire (snake_case). Fields may be added by later servers: ignore what you do
 * not know, and expect status values that are not listed here.
 */
export type * from "./catalogue";
export type * from "./json";

import type { Json, JsonObject } from "./json";

export const TASK_STATUSES = [
  "scheduled",
  "pending",
  "running",
  "succeeded",
  "failed",
  "incomplete",
  "cancelled",
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export const RESPONSE_STATUSES = [
  "expected",
  "received",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "cancelled",
  "missed",
] as const;
export type ResponseStatus = (typeof RESPONSE_STATUSES)[number];

/** What may be asked for beside payload and endpoints; left out: the type's own policy. Durations as text (`30s`, `10m`). */
export interface Policy {
  /** RFC 3339 time before which it does not start. */
  delay_until?: string;
  attempts?: number;
  /** Of one attempt. */
  timeout?: string;
  wait_for_endpoints_timeout?: string;
  /** 0–9, 9 first. */
  priority?: number;
}

export interface TaskRequest extends Policy {
  /** Your own name for the request, 1–190 characters; makes it repeatable. Made by the client when left out. */
  identifier?: string;
  payload?: JsonObject;
  /** Exactly these perform it; left out: all that are registered for the type. */
  endpoints?: string[];
}

export interface StartRequest extends Policy {
  payload?: JsonObject;
}

/** Counted in endpoints; expected = running + succeeded + failed + cancelled + missing.length. */
export interface Completeness {
  expected: number;
  received: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Names of endpoints that have not received it. */
  missing: string[];
  complete: boolean;
}

/** What one endpoint (or one job there) has to say about one task. Times are RFC 3339 UTC, or null. */
export interface TaskResponse {
  /** Null: a `deliver: one` task that nobody has taken yet. */
  endpoint: string | null;
  job: string | null;
  status: ResponseStatus;
  /** Machine-readable: `error`, `timeout`, `crash`, `exit_code`, … */
  reason: string | null;
  attempt: number;
  attempts: number;
  /** 0–1. */
  progress: number;
  result: Json;
  result_text: string | null;
  error: string | null;
  late: boolean;
  received_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  retry_at: string | null;
}

export interface Task {
  id: string;
  type: string;
  identifier: string;
  payload: JsonObject;
  endpoints: string[];
  status: TaskStatus;
  /** Nothing is under way or due any more. */
  settled: boolean;
  /** 0–1. */
  progress: number;
  created_at: string;
  delay_until: string | null;
  published_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  completeness: Completeness;
  /** At most 100, those that did not succeed first; `TaskerClient.responses` reads all of them. */
  responses: TaskResponse[];
  /** Present when there are more than 100. */
  responses_link?: string;
}

/** A task in a list: without what each endpoint said, which `get` and `responses` read. */
export interface TaskSummary extends Omit<Task, "payload" | "responses" | "responses_link"> {
  /** Null where it is long (`payload_omitted`). */
  payload: JsonObject | null;
  payload_omitted?: boolean;
  /** With `include: "responses"`. */
  responses?: ResponseBrief[];
}

/** What a list of tasks says of a response. */
export interface ResponseBrief extends Omit<TaskResponse, "result" | "result_text" | "error" | "late"> {
  /** Grows with each change; the same number stands in the events. */
  version: number;
}

export interface Attempt {
  /** 1, and one more with each operator's retry. */
  generation: number;
  attempt: number;
  outcome: "succeeded" | "failed" | "cancelled" | "missed" | "lost" | "superseded" | "released" | "running";
  /** Who performed it. */
  endpoint: string | null;
  reason: string | null;
  error: string | null;
  result: Json;
  result_text: string | null;
  started_at: string | null;
  finished_at: string | null;
}

/** What the jobs of a response amount to, and each of them. */
export interface JobsResponse {
  endpoint: string | null;
  job: null;
  status: ResponseStatus;
  progress: number;
  started_at: string | null;
  finished_at: string | null;
  task_id: string;
  type: string;
  jobs: TaskResponseDetail[];
}

/** A response with all there is to know: its attempts too, oldest first. */
export interface TaskResponseDetail extends TaskResponse {
  task_id: string;
  type: string;
  progress_message: string | null;
  generation: number;
  cancel_at: string | null;
  history: Attempt[];
}

export interface Page<T> {
  items: T[];
  /** Hand it back as `after`; null: the last page. */
  next: string | null;
}

export interface TaskFilter {
  type?: string;
  status?: TaskStatus | TaskStatus[];
  identifier?: string;
  /** Tasks that expect this endpoint … */
  endpoint?: string;
  /** … with a response of these statuses there. */
  endpoint_status?: ResponseStatus | ResponseStatus[];
  include?: "responses";
  created_after?: string;
  created_before?: string;
  after?: string;
  /** Of one page, ≤ 100. */
  limit?: number;
}

export interface ResponseFilter {
  status?: ResponseStatus | ResponseStatus[];
  after?: string;
  limit?: number;
}

export type RetryStatus = "failed" | "missed" | "expected" | "cancelled" | "succeeded";

export interface RetryRequest {
  endpoints?: string[];
  statuses?: RetryStatus[];
}

/** What became of one response when its task was cancelled. */
export interface CancelOutcome {
  endpoint: string | null;
  job: string | null;
  /**
   * withdrawn: it never started and never will · stopping: told to stop · stopped, killed: it has ended (only after waiting
   * for it) · finished: it was final already.
   */
  outcome: "withdrawn" | "stopping" | "stopped" | "killed" | "finished";
  status: ResponseStatus;
}

export interface LogChunk {
  seq: number;
  attempt: number;
  at: string;
  text: string;
}

/** One event of `GET /events` or `GET /:type/:id/events`. `id` resumes the stream. */
export interface TaskEvent {
  id: string | null;
  event: string;
  data: Json;
}

/** Data of the event `response.updated`: what a response has come to. */
export interface ResponseChange {
  task_id: string;
  type: string;
  endpoint: string | null;
  job: string | null;
  status: ResponseStatus;
  reason: string | null;
  attempt: number;
  attempts: number;
  /** 0–1. */
  progress: number;
  progress_message: string | null;
  changed_at: string;
  version: number;
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title?: string;
  status: number;
  detail?: string;
  instance?: string;
  code: string;
  errors?: Array<{ pointer: string; detail: string }>;
  request_id?: string;
  trace_id?: string;
}

/** One result of `submitBatch`, in the order of the requests. */
export type BatchResult = { status: number; task: Task } | { status: number; problem: Problem };
