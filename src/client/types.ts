/**
 * The HTTP contract as a client sees it. It imports nothing of the server; a test compares it with
 * the OpenAPI document. Names are those on the wire (snake_case). Later servers may add fields and
 * status values: ignore unknown ones.
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

const FINAL_STATUSES = ["succeeded", "failed", "cancelled", "missed"] as const;
export const RESPONSE_STATUSES = ["expected", "received", "running", "retrying", ...FINAL_STATUSES] as const;
export type ResponseStatus = (typeof RESPONSE_STATUSES)[number];

export function isFinal(status: ResponseStatus): boolean {
  return (FINAL_STATUSES as readonly string[]).includes(status);
}

/** Overrides of the type's policy. Durations are text (`30s`, `10m`). */
export interface Policy {
  /** RFC 3339 time before which the task does not start. */
  delay_until?: string;
  attempts?: number;
  /** Limit of one attempt. */
  timeout?: string;
  wait_for_endpoints_timeout?: string;
  /** 0–9; 9 comes first. */
  priority?: number;
}

export interface TaskRequest extends Policy {
  /** Your own name for the request, 1–190 characters. The client makes one if left out. */
  identifier?: string;
  payload?: JsonObject;
  /** Exactly these endpoints perform the task. Default: all that are registered for the type. */
  endpoints?: string[];
}

export interface StartRequest extends Policy {
  payload?: JsonObject;
}

/** Counts of endpoints; expected = running + succeeded + failed + cancelled + missing.length. */
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

/**
 * The answer of one endpoint (or of one job there) to one task. Times are RFC 3339 UTC, or null.
 */
export interface TaskResponse {
  /** Null: a `deliver: one` task that no endpoint has taken yet. */
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
  /** Every response is final, or the others change only by an event from outside. */
  settled: boolean;
  /** 0–1. */
  progress: number;
  created_at: string;
  delay_until: string | null;
  published_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  completeness: Completeness;
  /** At most 100, those that did not succeed first. `TaskerClient.responses` reads all of them. */
  responses: TaskResponse[];
  /** Present when there are more than 100. */
  responses_link?: string;
}

/** A task in a list, without its responses; `get` and `responses` read these. */
export interface TaskSummary extends Omit<Task, "payload" | "responses" | "responses_link"> {
  /** Null where it is long (`payload_omitted`). */
  payload: JsonObject | null;
  payload_omitted?: boolean;
  /** With `include: "responses"`. */
  responses?: ResponseBrief[];
}

/** A response in a list of tasks. */
export interface ResponseBrief extends Omit<TaskResponse, "result" | "result_text" | "error" | "late"> {
  /** Grows with each change; the events carry the same number. */
  version: number;
}

export interface Attempt
  extends Pick<
    TaskResponse,
    "attempt" | "endpoint" | "reason" | "error" | "result" | "result_text" | "started_at" | "finished_at"
  > {
  /** 1 at first; each retry by an operator adds one. */
  generation: number;
  outcome: "succeeded" | "failed" | "cancelled" | "missed" | "lost" | "superseded" | "released" | "running";
}

/** The jobs of a response, and the status they add up to. */
export interface JobsResponse
  extends Pick<TaskResponse, "endpoint" | "status" | "progress" | "started_at" | "finished_at"> {
  job: null;
  task_id: string;
  type: string;
  jobs: TaskResponseDetail[];
}

/** A response with its attempts, oldest first. */
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
  /** Pass it as `after` to read on; null: the last page. */
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
  /** Size of a page, ≤ 100. */
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

/** The outcome of a cancel for one response. */
export interface CancelOutcome extends Pick<TaskResponse, "endpoint" | "job" | "status"> {
  /**
   * withdrawn: it never starts · stopping: it was asked to stop · stopped, killed: it has ended
   * (only after a wait) · finished: it was final already.
   */
  outcome: "withdrawn" | "stopping" | "stopped" | "killed" | "finished";
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

/** Data of the event `response.updated`: the new state of a response. */
export interface ResponseChange
  extends Pick<
    TaskResponseDetail,
    | ("task_id" | "type" | "endpoint" | "job" | "status" | "reason")
    | ("attempt" | "attempts" | "progress" | "progress_message")
  > {
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
