/**
 * The task: one request. Its row is written at creation and after that only by the API's processes;
 * what endpoints do stands in the responses, and the task's status is computed from them
 * (completeness.ts). `status` and `finishedAt` in the row are that computation's last stored
 * result, kept for lists; a view always computes anew.
 */
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

/** Statuses that a task keeps (but for an operator's retry). */
export const FINAL_TASK_STATUSES: readonly TaskStatus[] = ["succeeded", "failed", "cancelled"];

export type Deliver = "each" | "one";

/** What it takes to create a task, fully decided: nothing is left for the store to default. */
export interface NewTask {
  id: string;
  type: string;
  identifier: string;
  /** SHA-256 (hex) of the canonical request; tells a repeated request from a conflicting one. */
  bodyHash: string;
  /** JSON text, stored byte-exact. */
  payload: string;
  deliver: Deliver;
  /** Keys of the responses to expect: endpoint names, or [ANY_ENDPOINT]. */
  endpoints: string[];
  /** [""] for a type without jobs. */
  jobs: string[];
  attempts: number;
  timeoutMs: number;
  /** `wait_for_endpoints_timeout`. */
  waitMs: number;
  /** Unreceived after this long it is missed; null: never. */
  expiresMs: number | null;
  priority: number;
  /** RFC 3339, or null: at once. */
  delayUntil: string | null;
  /** For a `single_run` type: only one task with this key may be open. */
  runKey: string | null;
  traceparent: string | null;
  /** Name of the API key that asked, or null. */
  createdBy: string | null;
}

/**
 * A task whose endpoints need not be known yet: null is whoever is registered for the type when it
 * is stored.
 */
export type TaskDraft = Omit<NewTask, "endpoints"> & { endpoints: string[] | null };

export interface TaskRecord {
  id: string;
  type: string;
  identifier: string;
  bodyHash: string;
  payload: string;
  deliver: Deliver;
  attempts: number;
  timeoutMs: number;
  priority: number;
  status: TaskStatus;
  createdAt: string;
  delayUntil: string | null;
  /** When an endpoint that has not received it turns the task incomplete. */
  waitUntil: string;
  expiresAt: string | null;
  publishedAt: string | null;
  finishedAt: string | null;
  cancelAt: string | null;
  runKey: string | null;
  traceparent: string | null;
  createdBy: string | null;
  version: number;
}
