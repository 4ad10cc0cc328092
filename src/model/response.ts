/**
 * The task response: the answer of one endpoint to one task. One row for each expected (endpoint,
 * job), from creation on.
 *
 *   expected ──claim──▶ running ──▶ succeeded | failed | cancelled
 *      │  └─▶ received ─▶ running      │ an attempt failed, another is due
 *      │                   ▲           ▼
 *      │                   └─────── retrying
 *      └─▶ missed (expired unreceived) │ cancelled (withdrawn)
 *
 * A final status never changes. Only an operator's retry opens a new generation in the same row;
 * the old one is kept as attempts.
 */
export const FINAL_STATUSES = ["succeeded", "failed", "cancelled", "missed"] as const;
export const RESPONSE_STATUSES = ["expected", "received", "running", "retrying", ...FINAL_STATUSES] as const;
export type ResponseStatus = (typeof RESPONSE_STATUSES)[number];
export type FinalStatus = (typeof FINAL_STATUSES)[number];

export function isFinal(status: ResponseStatus): status is FinalStatus {
  return (FINAL_STATUSES as readonly string[]).includes(status);
}

/** Statuses from which a claim may start an attempt. */
export const CLAIMABLE: readonly ResponseStatus[] = ["expected", "received", "retrying"];

/** `endpoint` is ANY_ENDPOINT for `deliver: one`; `job` is "" for a type without jobs. */
export interface ResponseKey {
  taskId: string;
  endpoint: string;
  job: string;
}

/** Times are RFC 3339 UTC by the database's clock. JSON columns hold the stored text. */
export interface ResponseRecord extends ResponseKey {
  type: string;
  /**
   * The endpoint that performs or performed it; null: a `deliver: one` task that none has taken.
   */
  performer: string | null;
  status: ResponseStatus;
  /** Machine-readable: `error`, `timeout`, `crash`, `exit_code`, … */
  reason: string | null;
  /** Attempts begun in this generation, and their limit. */
  attempt: number;
  attempts: number;
  /** 1 at first; each retry by an operator adds one. */
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
  /** When a cancel was requested. The row becomes `cancelled` only when nothing runs any more. */
  cancelAt: string | null;
  managerId: string | null;
  leaseId: string | null;
  /** Grows by one with each change of the row. */
  version: number;
}

/**
 * How an attempt ended. `missed`: a generation that no endpoint received (attempt 0). `superseded`:
 * its result came under a lost lease. `released`: given back, not charged.
 */
export const ATTEMPT_OUTCOMES = [...FINAL_STATUSES, "lost", "superseded", "released"] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** A past attempt. The current one is kept in the response until the next begins. */
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
