import type { ResponseKey, ResponseStatus } from "../model/response";
import type { Settled } from "../model/settled";
import type { LeaseRef, ManagerRecord, RequestRow } from "./managers";

/** The face of the store for the reconciler: the lock, what is due, settling, dead managers, the inbox, purging. */

/** A response that asks for the reconciler's attention, with what it needs of its task. Flags are by the database's clock. */
export interface DueResponse extends ResponseKey {
  type: string;
  status: ResponseStatus;
  performer: string | null;
  attempt: number;
  attempts: number;
  managerId: string | null;
  leaseId: string | null;
  generation: number;
  timeoutMs: number;
  version: number;
  identifier: string;
  priority: number;
  traceparent: string | null;
  payloadBytes: number;
  /** It has been published in this generation and not been claimed since. */
  published: boolean;
  /** `delay_until` or `retry_at` lies ahead. */
  delayed: boolean;
  waitOver: boolean;
  expired: boolean;
  cancelling: boolean;
  /** Running, and nobody serves its lease: its manager is gone, or its timeout has passed long ago. */
  lost: boolean;
  /** Milliseconds to the next of wait, expiry, delay and retry; for a running one to when it counts as lost. Null: none ahead. */
  nextClockMs: number | null;
  progress: number;
  receivedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  /** Of its task, for `conclude`. `expected`: how many responses it has; 0: not known. */
  task: { status: string; version: number; expected: number; createdAt: string; delayUntil: string | null };
}

export interface UpkeepStore {
  /** Takes or renews a lock for `ttlMs`; false: somebody else holds it. */
  lock(name: string, holder: string, ttlMs: number): Promise<boolean>;
  unlock(name: string, holder: string): Promise<void>;

  /** Up to `limit` responses whose `due_at` has come, oldest first. Final ones come too: their task wants settling. */
  due(limit: number): Promise<DueResponse[]>;
  /** Payload texts by task id, for republishing. */
  payloads(taskIds: readonly string[]): Promise<Map<string, string>>;
  /**
   * The broker has confirmed these: sets the tasks' `publishedAt`, and looks at what is unclaimed again after `recheckMs`.
   * With `attempt` and `generation` only where those are still the row's: a late confirm says nothing about the next one.
   */
  published(
    keys: ReadonlyArray<ResponseKey & { attempt?: number; generation?: number }>,
    recheckMs: number,
  ): Promise<void>;
  /** The broker has lost its queues: whatever it was told of and nobody has claimed is due to be published again. */
  unpublish(): Promise<void>;
  /** Looks at these again after so long; only where the version still matches. `tell`: the feed of changes has them as they are. */
  postpone(rows: ReadonlyArray<ResponseKey & { version: number; ms: number; tell?: boolean }>): Promise<void>;
  /** `expected` → `missed`. */
  miss(keys: readonly ResponseKey[]): Promise<void>;
  /** What waits or is between attempts and was told to cancel → `cancelled`. */
  withdraw(keys: readonly ResponseKey[]): Promise<void>;
  /**
   * Ends leases that nobody serves: the attempt is recorded as lost; with attempts left it is `retrying`, due at once, else
   * `failed`, reason `crash` (or `timeout`); a cancelled one becomes `cancelled`. Only where the lease still matches.
   */
  reclaim(leases: ReadonlyArray<LeaseRef & { reason: string; error: string }>): Promise<number>;
  /** Stores the computed status of these tasks and clears the final responses' due mark. */
  settle(taskIds: readonly string[]): Promise<void>;
  /**
   * The same for tasks that are wholly known: these are all their responses, each of them final. Where anything has changed
   * since they were read, it is as `settle`.
   */
  conclude(tasks: ReadonlyArray<readonly DueResponse[]>): Promise<void>;
  /** Tells, after its commit, what each settling by this process has ended; each end is told to one process, once. */
  onSettled(listener: (settled: Settled) => void): void;
  /** Managers whose heartbeat is older than their time to live; marks them dead and makes their leases due. Returns them. */
  reap(): Promise<ManagerRecord[]>;

  /** Requests that others inserted with their own transaction, oldest first; done: delete; refuse: keep with the problem. */
  requests(limit: number): Promise<RequestRow[]>;
  requestDone(ids: readonly string[]): Promise<void>;
  requestRefused(id: string, problem: string): Promise<void>;

  /** Deletes up to `limit` finished tasks of the type older than `keepMs` with all that belongs to them. Returns how many. */
  purge(type: string, keepMs: number, limit: number): Promise<number>;
  /** The outbox: stored, due, not confirmed, counted up to `countTo`. And the oldest unreceived response. */
  backlog(countTo?: number): Promise<{ unpublished: number; oldestUnpublishedMs: number; oldestWaitingMs: number }>;
}
