import type { Completions } from "../model/completions";
import type { FinalStatus, ResponseKey, ResponseStatus } from "../model/response";
import type { Deliver } from "../model/task";
import type { LeaseRef, ManagerRecord, RequestRow } from "./managers";

/** The face of the store for the reconciler: the lock, what is due, task statuses, dead managers, the inbox, purging. */

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
  /** Running, and its manager is gone. */
  lost: boolean;
  /** Running under a manager that lives, though by the database's clock its timeout has passed long ago. */
  overdue: boolean;
  /** Milliseconds to the next of wait, expiry, delay and retry; for a running one to when it is overdue. Null: none ahead. */
  nextClockMs: number | null;
}

export interface Heartbeat {
  managerId: string;
  /** As the database wrote it; never compared with a clock. */
  at: string;
  ttlMs: number;
}

/** A response in the version that was seen: whatever is decided about it holds for that one only. */
export interface SeenResponse extends ResponseKey {
  version: number;
}

/** A response that is final, with what it needs of its task. */
export interface EndedResponse extends ResponseKey {
  type: string;
  performer: string | null;
  status: FinalStatus;
  receivedAt: string | null;
  finishedAt: string | null;
  /** `expected`: how many responses the task has; 0: not known. */
  task: { status: string; expected: number; createdAt: string; delayUntil: string | null };
}

/** What followed from the registrations at one endpoint. */
export interface Admission {
  endpoint: string;
  /** Types that none of its living managers serves any more. */
  gaveUp: string[];
  /** The name had been removed, and is taken by somebody new. */
  begun: boolean;
}

/** An endpoint with queues that are to go. */
export interface LeavingEndpoint {
  name: string;
  types: string[];
  /** How it stands in the store; for `endpointLeft`. */
  said: string;
  /** How long ago it was removed; null: it is there, and serves these types no more. */
  removedMs: number | null;
}

/** A type that the config has or has had. */
export interface KnownType {
  name: string;
  deliver: Deliver;
  /** Null: for ever, or nobody has said. */
  keepMs: number | null;
  configured: boolean;
}

export interface MaintenanceStore {
  /**
   * Takes or renews a lock for `ttlMs`; null: somebody else holds it. `place`: how far the holder has come, kept for the next
   * one; null: it does not know yet, and is told how far the last one had come.
   */
  lock(name: string, holder: string, ttlMs: number, place: string | null): Promise<{ place: string | null } | null>;
  unlock(name: string, holder: string): Promise<void>;

  /** Up to `limit` responses whose `due_at` has come, oldest first; a final one, where another program has ended it. */
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
  postpone(rows: ReadonlyArray<SeenResponse & { ms: number; tell?: boolean }>): Promise<void>;
  /** `expected` → `missed`; only in the version that was seen, as `withdraw`. */
  miss(rows: readonly SeenResponse[]): Promise<void>;
  /** What waits or is between attempts and was told to cancel → `cancelled`. */
  withdraw(rows: readonly SeenResponse[]): Promise<void>;
  /**
   * Ends leases that nobody serves: the attempt is recorded as lost; with attempts left it is `retrying`, due at once, else
   * `failed`, reason `crash` (or `timeout`); a cancelled one becomes `cancelled`. Only where lease and version still match.
   */
  reclaim(leases: ReadonlyArray<LeaseRef & SeenResponse & { reason: string; error: string }>): Promise<number>;
  /** Stores the computed status of these tasks. */
  storeStatus(taskIds: readonly string[]): Promise<void>;
  /**
   * Up to `limit` responses that have become final behind a place in the feed of changes, in its order, and the place behind
   * them. Null: the feed's present end, and nothing. A commit that took very long may be passed over (`missedCompletions`).
   */
  ended(after: string | null, limit: number): Promise<{ responses: EndedResponse[]; place: string; more: boolean }>;
  /** Stores the status of the tasks of these ends, where an end can have changed it. */
  completeTasks(responses: readonly EndedResponse[]): Promise<void>;
  /**
   * Looks through a page of the type's tasks that are stored as `status`, by id behind `after`, and returns those that have
   * no open response: their stored status is out of date. Very young ones are left out. `next`: where to go on; null: that was all.
   */
  missedCompletions(
    of: { type: string; status: string; after: string },
    limit: number,
  ): Promise<{ taskIds: string[]; next: string | null }>;
  /** Called after the commit with what this process has found complete; each end reaches one process. */
  onCompleted(listener: (completions: Completions) => void): void;
  /** The managers that count as living, with their last heartbeats. Who of them is silent is for the caller to find out. */
  heartbeats(): Promise<Heartbeat[]>;
  /** Declares these managers dead, each only while that still is its last heartbeat, and makes their leases due. Returns them. */
  reap(silent: readonly Heartbeat[]): Promise<ManagerRecord[]>;

  /**
   * Endpoints and types of managers that have registered behind a place and live, and the place to go on from, `overlapMs` before
   * now; without a place all that live.
   */
  newcomers(
    after: string | null,
    overlapMs: number,
  ): Promise<{ newcomers: Array<{ type: string; endpoint: string }>; place: string }>;
  /** Looks at what managers have said as they registered, and draws the consequences. Empty: nobody has since the last look. */
  admit(): Promise<Admission[]>;
  /** Endpoints with queues that are to go; ends what is still open for those that were removed. */
  leaving(): Promise<LeavingEndpoint[]>;
  endpointLeft(endpoint: LeavingEndpoint): Promise<void>;
  /**
   * The config's types, in place of those of before. What waits of a type that has come back, or is delivered otherwise now,
   * becomes due. Returns all types that are known.
   */
  configureTypes(types: ReadonlyArray<Omit<KnownType, "configured">>): Promise<KnownType[]>;
  /** Tells a type's managers that tasks of that kind of delivery are open, too; null: no more. */
  tellOpenDeliver(type: string, deliver: Deliver | null): Promise<void>;
  /** Whether a response of that kind of delivery is open. Cheap where there are many. */
  isOpen(type: string, deliver: Deliver): Promise<boolean>;

  /** Requests that others inserted with their own transaction, oldest first; done: delete; refuse: keep with the problem. */
  requests(limit: number): Promise<RequestRow[]>;
  requestDone(ids: readonly string[]): Promise<void>;
  requestRefused(id: string, problem: string): Promise<void>;

  /**
   * Deletes up to `limit` finished tasks of the type older than `keepMs` with all that belongs to them. Returns how many. Whether a
   * task is finished is asked again in the transaction that deletes it.
   */
  purge(type: string, keepMs: number, limit: number): Promise<number>;
  /** The outbox: stored, due, not confirmed, counted up to `countTo`. And the oldest unreceived response. */
  backlog(countTo?: number): Promise<{ unpublished: number; oldestUnpublishedMs: number; oldestWaitingMs: number }>;
}
