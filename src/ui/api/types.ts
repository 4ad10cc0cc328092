/** The HTTP contract as these pages use it. Fields that the server may add later are ignored. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

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

export interface Completeness {
  expected: number;
  received: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  missing: string[];
  complete: boolean;
}

export interface TaskResponse {
  /** Null: a `deliver: one` task that nobody has taken yet. */
  endpoint: string | null;
  job: string | null;
  status: ResponseStatus;
  reason: string | null;
  attempt: number;
  attempts: number;
  progress: number;
  result?: Json;
  result_text?: string | null;
  error?: string | null;
  late?: boolean;
  received_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  retry_at: string | null;
  version?: number;
}

export interface Task {
  id: string;
  type: string;
  identifier: string;
  payload: JsonObject | null;
  endpoints: string[];
  status: TaskStatus;
  settled: boolean;
  progress: number;
  created_at: string;
  delay_until: string | null;
  published_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  completeness: Completeness;
  /** Absent in lists, unless asked for. */
  responses?: TaskResponse[];
  responses_link?: string;
  payload_omitted?: boolean;
}

export interface Attempt {
  generation: number;
  attempt: number;
  outcome: string;
  endpoint: string | null;
  reason: string | null;
  error: string | null;
  result: Json;
  result_text: string | null;
  started_at: string | null;
  finished_at: string | null;
}

/** One response with the history of its attempts, oldest first. Of a type with jobs: one of these each, in `jobs`. */
export interface ResponseDetail extends TaskResponse {
  task_id: string;
  type: string;
  progress_message?: string | null;
  generation?: number;
  cancel_at?: string | null;
  history?: Attempt[];
  jobs?: ResponseDetail[];
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

/** One change of a response, as the event stream tells it. */
export interface Change {
  task_id: string;
  type: string;
  endpoint: string | null;
  job: string | null;
  status: ResponseStatus;
  reason: string | null;
  attempt: number;
  attempts: number;
  progress: number;
  progress_message?: string | null;
  changed_at: string;
  version: number;
}

export interface Manager {
  id: string;
  host: string;
  pid: number;
  version: string;
  state: "alive" | "draining" | "stopped" | "retired" | "dead";
  started_at: string;
  heartbeat_at: string;
  stopped_at: string | null;
  running: number;
}

export type OpenCounts = Partial<Record<ResponseStatus, number>>;

export interface Endpoint {
  name: string;
  labels: JsonObject;
  types: string[];
  first_seen_at: string;
  last_seen_at: string | null;
  alive: boolean;
  managers: Manager[];
  open: OpenCounts;
}

/** A task type with its policy; everything but the name is shown as it comes. */
export interface TaskType {
  name: string;
  deliver?: "each" | "one";
  payload_schema?: JsonObject | null;
  single_run?: boolean;
  registered?: string[];
  open?: OpenCounts;
  [key: string]: unknown;
}

export interface Health {
  ready: boolean;
  status?: string;
  version?: string;
  checks: Record<string, { ok: boolean; detail?: Json; [key: string]: Json | undefined }>;
}

export interface LogChunk {
  seq: number;
  attempt: number;
  at: string;
  text: string;
}

export interface Session {
  /** Name of the key, null: no keys exist and none is needed. */
  name: string | null;
  scopes: string[];
  types: string[] | null;
  /** Needed as X-CSRF-Token by every request that changes something; null without a cookie. */
  csrf_token: string | null;
  run_mode?: string;
  version?: string;
}
