import type { Completions } from "../model/completions";
import type { FinalStatus, ResponseKey, ResponseStatus } from "../model/response";
import type { Deliver } from "../model/task";
import type { LeaseRef, ManagerRecord, RequestRow } from "./managers";

/**
 * The store for the reconciler: lock, due responses, task statuses, dead managers, inbox, purge.
 */

/**
 * A response whose `due_at` has come, with what it needs of its task. The database sets the flags.
 */
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
  /** Published in this generation, and not claimed since. */
  published: boolean;
  /** `delay_until` or `retry_at` lies ahead. */
  delayed: boolean;
  waitOver: boolean;
  expired: boolean;
  cancelling: boolean;
  /** Running, and its manager is dead or retired. */
  lost: boolean;
  /** Running under a living manager, a minute past its timeout. */
  overdue: boolean;
  /**
   * Milliseconds until the next of wait, expiry, delay and retry; of a running response until it is
   * overdue. Null: none lies ahead.
   */
  nextClockMs: number | null;
}

export interface Heartbeat {
  managerId: string;
  /** As the database wrote it; compared for equality only. */
  at: string;
  ttlMs: number;
}

/**
 * A response and the version that a decision was made on. A change applies to that version only.
 */
export interface SeenResponse extends ResponseKey {
  version: number;
}

/** A final response, with what it needs of its task. */
export interface EndedResponse extends ResponseKey {
  type: string;
  performer: string | null;
  status: FinalStatus;
  receivedAt: string | null;
  finishedAt: string | null;
  /** `expected`: the number of the task's responses; 0: unknown. */
  task: { status: string; expected: number; createdAt: string; delayUntil: string | null };
}

/** What changed at one endpoint because managers registered there. */
export interface RegistrationResult {
  endpoint: string;
  /** Types that no living manager of the endpoint serves any more. */
  droppedTypes: string[];
  /** The endpoint had been removed, and a new manager has taken its name. */
  revived: boolean;
}

/** An endpoint whose queues for `types` are to be deleted. */
export interface LeavingEndpoint {
  name: string;
  types: string[];
  /** The stored list that was read; `clearLeaving` clears no other. */
  seen: string;
  /** Milliseconds since the endpoint was removed; null: it only stopped serving these types. */
  removedMs: number | null;
}

/** A type that the config has or has had. */
export interface KnownType {
  name: string;
  deliver: Deliver;
  /** How long finished tasks are kept; null: for ever, or unknown. */
  keepMs: number | null;
  configured: boolean;
}

export interface MaintenanceStore {
  /**
   * Takes or renews a lock for `ttlMs`, and stores `position` for the next holder. Null: another
   * process holds the lock. A holder that passes null gets the position of the last one.
   */
  lock(
    name: string,
    holder: string,
    ttlMs: number,
    position: string | null,
  ): Promise<{ position: string | null } | null>;
  /** Releases the lock. */
  unlock(name: string, holder: string): Promise<void>;

  /** Returns up to `limit` responses whose `due_at` has come, oldest first. */
  due(limit: number): Promise<DueResponse[]>;
  /** Returns payload texts by task id. */
  payloads(taskIds: readonly string[]): Promise<Map<string, string>>;
  /**
   * Sets `publishedAt` of the tasks, and makes responses that are still unclaimed due again after
   * `recheckMs`. Skips a response that has moved on from the `attempt` and `generation` given.
   */
  markPublished(
    keys: ReadonlyArray<ResponseKey & { attempt?: number; generation?: number }>,
    recheckMs: number,
  ): Promise<void>;
  /**
   * Makes all published, unclaimed responses due for publishing, for a broker that lost its queues.
   */
  markUnpublished(): Promise<void>;
  /** Makes each response due in `ms`. `touch`: also reports it in the feed of changes. */
  postpone(rows: ReadonlyArray<SeenResponse & { ms: number; touch?: boolean }>): Promise<void>;
  /** Ends expected responses as `missed`. */
  markMissed(rows: readonly SeenResponse[]): Promise<void>;
  /** Ends waiting responses whose task is cancelled as `cancelled`. */
  withdraw(rows: readonly SeenResponse[]): Promise<void>;
  /**
   * Takes back leases without a manager, if lease and version still match. Each attempt is kept as
   * lost. Its response becomes `retrying` and due, `failed` with `reason` after the last attempt,
   * or `cancelled`. Returns the number of leases taken back.
   */
  reclaim(leases: ReadonlyArray<LeaseRef & SeenResponse & { reason: string; error: string }>): Promise<number>;
  /** Computes and stores the status of these tasks. */
  storeStatus(taskIds: readonly string[]): Promise<void>;
  /**
   * Returns up to `limit` responses that have ended behind a position of the completion feed, and
   * the position behind them. Null: an empty page at the feed's end. The feed may skip a commit
   * that took very long; `missedCompletions` finds it.
   */
  ended(after: string | null, limit: number): Promise<{ responses: EndedResponse[]; position: string; more: boolean }>;
  /** Stores the status of these responses' tasks, if the ends can have changed it. */
  completeTasks(responses: readonly EndedResponse[]): Promise<void>;
  /**
   * Reads a page of the type's tasks stored as `status`, by id behind `after`, and returns those
   * without an open response. Skips tasks younger than 10 s. `next`: the next `after`; null: the
   * end.
   */
  missedCompletions(
    of: { type: string; status: string; after: string },
    limit: number,
  ): Promise<{ taskIds: string[]; next: string | null }>;
  /**
   * Calls back after the commit with what this process has completed. One process sees each end.
   */
  onCompleted(listener: (completions: Completions) => void): void;
  /** Returns the last heartbeat of each manager that has neither left nor been declared dead. */
  heartbeats(): Promise<Heartbeat[]>;
  /**
   * Declares managers dead that sent no later heartbeat, and makes their leases due. Returns them.
   */
  declareDead(silent: readonly Heartbeat[]): Promise<ManagerRecord[]>;

  /**
   * Returns endpoints and types of living managers that registered since `after` (null: of all),
   * and the `after` of the next call: `overlapMs` before now.
   */
  newcomers(
    after: string | null,
    overlapMs: number,
  ): Promise<{ newcomers: Array<{ type: string; endpoint: string }>; next: string }>;
  /** Applies new registrations of managers to their endpoints' types. Empty: there are none. */
  applyRegistrations(): Promise<RegistrationResult[]>;
  /** Returns endpoints with queues to delete; cancels responses still open at removed ones. */
  leavingEndpoints(): Promise<LeavingEndpoint[]>;
  /** Forgets the queues to delete, unless more types were dropped since `seen`. */
  clearLeaving(endpoint: LeavingEndpoint): Promise<void>;
  /**
   * Replaces the config's types. Makes waiting responses of a type due if it is back in the config
   * or its `deliver` has changed. Returns all known types.
   */
  configureTypes(types: ReadonlyArray<Omit<KnownType, "configured">>): Promise<KnownType[]>;
  /**
   * Stores, for the type's managers, that tasks with another `deliver` are open; null: none are.
   */
  setOpenDeliver(type: string, deliver: Deliver | null): Promise<void>;
  /** Returns whether a response with this `deliver` is open. Cheap even if there are many. */
  isOpen(type: string, deliver: Deliver): Promise<boolean>;

  /** Returns up to `limit` requests from the inbox, oldest first. */
  requests(limit: number): Promise<RequestRow[]>;
  /** Deletes requests that have become tasks. */
  deleteRequests(ids: readonly string[]): Promise<void>;
  /** Keeps a request with its problem, for the program that inserted it. */
  refuseRequest(id: string, problem: string): Promise<void>;

  /**
   * Deletes up to `limit` tasks of the type that finished more than `keepMs` ago, with their
   * responses, attempts and logs. Returns how many.
   */
  purge(type: string, keepMs: number, limit: number): Promise<number>;
  /**
   * Returns the size of the outbox, counted up to `countTo`, and its age and that of waiting
   * responses.
   */
  backlog(countTo?: number): Promise<{ unpublished: number; oldestUnpublishedMs: number; oldestWaitingMs: number }>;
}
