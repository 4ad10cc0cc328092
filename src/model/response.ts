/**
 * The task response: what one endpoint has to say about one task. One row for each expected (endpoint, job), from creation on.
 *
 *   expected ──claim──▶ running ──▶ succeeded | failed | cancelled
 *      │  └─▶ received ─▶ running      │ an attempt failed, another is due
 *      │                   ▲           ▼
 *      │                   └─────── retrying
 *      └─▶ missed (expired unreceived) │ cancelled (withdrawn)
 *
 * Final statuses never change; only an operator's retry opens a new generation in the same row, the old one kept as attempts.
 */
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

export const FINAL_STATUSES = ["succeeded", "failed", "cancelled", "missed"] as const;
export type FinalStatus = (typeof FINAL_STATUSES)[number];

export function isFinal(status: ResponseStatus): status is FinalStatus {
  return (FINAL_STATUSES as readonly string[]).includes(status);
}

/** Statuses from which a claim may start an attempt. */
export const CLAIMABLE: readonly ResponseStatus[] = ["expected", "received", "retrying"];

/** Names a response row. `endpoint` is ANY_ENDPOINT for `deliver: one`; `job` is "" for a type without jobs. */
export interface ResponseKey {
  taskId: string;
  endpoint: string;
  job: string;
}

/** Times are RFC 3339 UTC with milliseconds, by the database's clock. JSON columns are the text as it was stored. */
export interface ResponseRecord extends ResponseKey {
  type: string;
  /** The endpoint that performs or performed it: the key's endpoint, or for `deliver: one` the one that took it (else null). */
  performer: string | null;
  status: ResponseStatus;
  /** Machine-readable reason of a failure, cancellation or miss (`error`, `timeout`, `crash`, `exit_code`, …). */
  reason: string | null;
  /** Attempts begun in this generation, and the most there may be. */
  attempt: number;
  attempts: number;
  /** 1, and one more with each operator's retry. */
  generation: number;
  /** 0–1. */
  progress: number;
  progressMessage: string | null;
  result: string | null;
  resultText: string | null;
  error: string | null;
  receivedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  retryAt: string | null;
  /** When a cancel was asked for; the row becomes `cancelled` only when nothing runs any more. */
  cancelAt: string | null;
  managerId: string | null;
  leaseId: string | null;
  /** Grows by one with each change of the row. */
  version: number;
}

/**
 * How one attempt ended. `missed`: a generation that nobody received (its attempt is 0); `superseded`: its result came under a lease it
 * no longer held; `released`: given back, not charged.
 */
export const ATTEMPT_OUTCOMES = [
  "succeeded",
  "failed",
  "cancelled",
  "missed",
  "lost",
  "superseded",
  "released",
] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** One row of a response's history. The current attempt stands in the response itself until the next one begins. */
export interface AttemptRecord extends ResponseKey {
  generation: number;
  attempt: number;
  leaseId: string;
  outcome: AttemptOutcome;
  reason: string | null;
  error: string | null;
  result: string | null;
  resultText: string | null;
  performer: string | null;
  managerId: string | null;
  startedAt: string | null;
  finishedAt: string;
}
