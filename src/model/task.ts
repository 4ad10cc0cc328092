/**
 * A task is one request. Only the API's processes write its row. Endpoints write to its responses,
 * from which its status is computed (completeness.ts). The row's `status` and `finishedAt` are the
 * last stored result, for lists. Each view computes them again.
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

/** Statuses that only an operator's retry changes. */
export const FINAL_TASK_STATUSES: readonly TaskStatus[] = ["succeeded", "failed", "cancelled"];

export type Deliver = "each" | "one";

/** A task to create. The store adds no defaults. */
export interface NewTask {
  id: string;
  type: string;
  identifier: string;
  /** SHA-256 (hex) of the canonical request; equal for a repetition, different for a conflict. */
  bodyHash: string;
  /** JSON text, stored byte for byte. */
  payload: string;
  deliver: Deliver;
  /** Endpoint names, or [ANY_ENDPOINT]. */
  endpoints: string[];
  /** [""] for a type without jobs. */
  jobs: string[];
  attempts: number;
  timeoutMs: number;
  /** `wait_for_endpoints_timeout`. */
  waitMs: number;
  /** A response not received for this long is missed; null: never. */
  expiresMs: number | null;
  priority: number;
  /** RFC 3339; null: at once. */
  delayUntil: string | null;
  /** Only one task with this key may be open (`single_run`); null: any number. */
  runKey: string | null;
  traceparent: string | null;
  /** The name of the API key; null: without a key. */
  createdBy: string | null;
}

/** `endpoints` null: those registered for the type when the task is stored. */
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
  /** From then on the task is incomplete if an endpoint has not received it. */
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
