import type { JsonObject } from "../model/json";
import type { KnownTask } from "../model/message";
import type { AttemptRecord, FinalStatus, ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { Settled } from "../model/settled";
import type { NewTask, TaskRecord, TaskStatus } from "../model/task";
import type { AccessStore } from "./access";

/**
 * The seam to the database: the only truth about tasks. Four narrow faces, each used by one folder:
 *
 *   tasks     the API's creates, reads, cancels and retries
 *   managers  what a manager may say: register, heartbeat, claim, progress, finish, release
 *   upkeep    the reconciler's: the lock, what is due, settle, reap, purge
 *   access    API keys and the audit trail
 *
 * Rules every implementation keeps:
 *  - Only the database's clock is compared or stored. Durations come in as milliseconds, times go out as RFC 3339 UTC ms.
 *  - Any call may be repeated after an unknown outcome (a lost COMMIT answer) with the same arguments and does no harm.
 *  - A call that does not come back within its deadline rejects with StoreUnavailable and leaves no connection poisoned.
 *  - Arrays are batches: one transaction, rows in primary-key order; one bad row never fails its neighbours.
 *  - A manager's calls never write the task row.
 */
export interface Store {
  readonly kind: "mysql" | "sqlite";
  readonly tasks: TaskStore;
  readonly managers: ManagerStore;
  readonly upkeep: UpkeepStore;
  readonly access: AccessStore;
  /**
   * Brings the schema up to date under a lock; safe from many processes at once. Returns the names of what it applied.
   * For the API and `initialize`: a manager has no right to it.
   */
  migrate(): Promise<string[]>;
  /** Reads only: resolves once the schema has all that this program knows; rejects with StoreUnavailable until it does. */
  schemaReady(): Promise<void>;
  /** One round trip; rejects with StoreUnavailable. */
  ping(deadlineMs?: number): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------- tasks

export type CreateOutcome =
  | { kind: "created"; task: TaskRecord }
  /** The identifier exists for the type. The caller compares `bodyHash`. */
  | { kind: "existing"; task: TaskRecord }
  /** `runKey` is held by an open task of the type. */
  | { kind: "busy"; taskId: string }
  /** This row alone cannot be stored (too large for the database, …). */
  | { kind: "refused"; error: Error };

/** Keyset pages: newest task first. `after` is the id of the last item of the page before. */
export interface TaskFilter {
  type?: string;
  /** Restricts to these types (an API key's); undefined: all. */
  types?: readonly string[];
  status?: readonly TaskStatus[];
  identifier?: string;
  /** Tasks that expect this endpoint (or that it performed) … */
  endpoint?: string;
  /** … with a response of one of these statuses there. Only together with `endpoint`. */
  endpointStatus?: readonly ResponseStatus[];
  createdAfter?: string;
  createdBefore?: string;
  after?: string;
  limit: number;
}

/** A response as needed for completeness and lists: no results, no logs. */
export type ResponseBrief = Omit<ResponseRecord, "result" | "resultText" | "error" | "leaseId" | "changedAt">;

/** A task with what its status is computed from. `now` is the database's clock at the read. */
export interface TaskWithResponses<R> {
  task: TaskRecord;
  responses: R[];
  now: string;
}

export interface ResponseFilter {
  status?: readonly ResponseStatus[];
  /** (endpoint, job) of the last row of the page before. */
  after?: { endpoint: string; job: string };
  limit: number;
}

/** What became of one response when the task was cancelled. */
export interface CancelOutcome extends ResponseKey {
  performer: string | null;
  /** withdrawn: it never started and never will · stopping: told to stop · finished: it was final already. */
  outcome: "withdrawn" | "stopping" | "finished";
  status: ResponseStatus;
}

/** One change of a response, for live views. `cursor` orders and resumes the feed. */
export interface ResponseChange extends ResponseKey {
  cursor: string;
  type: string;
  performer: string | null;
  status: ResponseStatus;
  reason: string | null;
  attempt: number;
  attempts: number;
  progress: number;
  progressMessage: string | null;
  changedAt: string;
  version: number;
}

export interface LogChunk {
  seq: number;
  attempt: number;
  at: string;
  text: string;
}

export interface TaskStore {
  /** The key under which messages are sealed; made by whoever asks first. */
  messageKey(): Promise<string>;
  /** Each task with its expected responses, all or nothing per task, in one transaction. Outcomes in the order given. */
  create(tasks: readonly NewTask[]): Promise<CreateOutcome[]>;

  /** Null: no such task of that type. Responses come in the order of `endpoints` as created (primary key: endpoint, job). */
  find(type: string, id: string): Promise<TaskWithResponses<ResponseRecord> | null>;
  /** As find, without results; for waiting and conditional reads of several tasks at once. Unknown ids are left out. */
  states(ids: readonly string[]): Promise<Array<TaskWithResponses<ResponseBrief>>>;
  /** Those of the tasks that are certainly not settled, seen without reading their responses. */
  unsettled(ids: readonly string[]): Promise<string[]>;
  findByIdentifier(type: string, identifier: string): Promise<TaskRecord | null>;
  /** The newest task of the type, or null (`single_run`'s status). */
  newest(type: string): Promise<TaskRecord | null>;
  /** Filters on `status` use the last stored status, which trails the rows by a reconciler's tick. */
  list(filter: TaskFilter): Promise<TaskRecord[]>;

  responses(taskId: string, filter: ResponseFilter): Promise<ResponseRecord[]>;
  /** All jobs of one endpoint (for `deliver: one`: of the performer or "*"); empty: no such response. */
  response(taskId: string, endpoint: string): Promise<ResponseRecord[]>;
  attempts(taskId: string, endpoint: string): Promise<AttemptRecord[]>;
  log(key: ResponseKey, afterSeq: number, limit: number): Promise<LogChunk[]>;

  /** Withdraws what waits, marks what runs (`cancelAt`). Null: no such task. Repeating it is harmless. */
  cancel(taskId: string): Promise<CancelOutcome[] | null>;
  /**
   * Opens a new generation for the given final or never-received responses; what the row held becomes an attempt record.
   * Returns the keys that were re-opened. Running ones are left alone.
   */
  retry(
    taskId: string,
    choose: { endpoints?: readonly string[]; statuses?: readonly ResponseStatus[] },
    more: { waitMs: number; expiresMs: number | null },
  ): Promise<ResponseKey[]>;

  /** Endpoints registered for the type (by the config or by a manager), sorted. */
  endpointsOf(type: string): Promise<string[]>;
  registerEndpoints(type: string, endpoints: readonly string[]): Promise<void>;
  endpoints(): Promise<EndpointRecord[]>;
  endpoint(name: string): Promise<EndpointRecord | null>;
  /** Open (non-final) responses by type and status, for overviews, metrics and `/types`. Cheap: reads open rows only. */
  openCounts(): Promise<Array<{ type: string; endpoint: string; status: ResponseStatus; count: number }>>;

  /** Changes after the cursor, oldest first; without a cursor only the feed's present end (an empty page with its cursor). */
  changes(
    after: string | null,
    limit: number,
    only?: { taskId?: string; type?: string },
  ): Promise<{ changes: ResponseChange[]; cursor: string }>;
}

export interface EndpointRecord {
  name: string;
  labels: JsonObject;
  types: string[];
  firstSeenAt: string;
  /** Last heartbeat of any of its managers; null: configured, never connected. */
  lastSeenAt: string | null;
  /** A manager's heartbeat is younger than its time to live. */
  alive: boolean;
  managers: ManagerRecord[];
}

export interface ManagerRecord {
  id: string;
  endpoint: string;
  host: string;
  pid: number;
  slot: string;
  version: string;
  state: "alive" | "draining" | "stopped" | "retired" | "dead";
  startedAt: string;
  heartbeatAt: string;
  stoppedAt: string | null;
  running: number;
}

// ------------------------------------------------------------------------------------------------------------- managers

export interface ManagerRegistration {
  /** The incarnation: a fresh id for every start of a manager. */
  id: string;
  endpoint: string;
  labels: JsonObject;
  types: string[];
  version: string;
  host: string;
  pid: number;
  /** Tells managers of one endpoint on one host apart; a newcomer with the same three retires its predecessors at once. */
  slot: string;
  /** Predecessors that are not to be retired: their processes live. */
  spare?: readonly string[];
  /** A heartbeat older than this means dead. */
  ttlMs: number;
}

export interface Claim {
  taskId: string;
  job: string;
  /** Granted only where the response is of this type; left out: of any. */
  type?: string;
  /**
   * What the store itself said of the row when it was published (a sealed message), and the row's own endpoint key. While that
   * still is the row's version, the claim asks for nothing more; otherwise it is as if left out.
   */
  known?: KnownTask & { endpoint: string };
}

export type ClaimAnswer =
  | {
      granted: true;
      taskId: string;
      job: string;
      /** The row's own endpoint key: the manager's endpoint or ANY_ENDPOINT. Give it back on finish. */
      endpoint: string;
      leaseId: string;
      attempt: number;
      attempts: number;
      generation: number;
      timeoutMs: number;
      identifier: string;
      /** JSON text, from the store. */
      payload: string;
      traceparent: string | null;
    }
  | {
      granted: false;
      taskId: string;
      job: string;
      /** unknown: no row for this endpoint · final · held: another lease lives · not_due: its retry or delay lies ahead. */
      why: "unknown" | "final" | "held" | "not_due";
    };

/** How an attempt ended, reported under its lease. */
export interface AttemptEnd extends ResponseKey {
  leaseId: string;
  generation: number;
  attempt: number;
  /** A final status, or `retrying` with `retryInMs`, or `received`: given back unharmed (drain), the attempt not charged. */
  status: Exclude<FinalStatus, "missed"> | "retrying" | "received";
  retryInMs?: number;
  reason: string | null;
  error: string | null;
  result: string | null;
  resultText: string | null;
}

/** recorded: it stands (also when a repeated call finds it standing) · superseded: the lease was lost; kept as an attempt · refused: cannot be stored. */
export type EndAnswer = { kind: "recorded" } | { kind: "superseded" } | { kind: "refused"; error: Error };

export interface LeaseRef extends ResponseKey {
  leaseId: string;
}

/**
 * All that a manager may do to the store. Kept this small so that the same calls can travel over the broker one day.
 */
export interface ManagerStore {
  /** The key under which messages are sealed; null: no API has made one yet. */
  messageKey(): Promise<string | null>;
  /** Incarnations that were neither closed nor declared dead at the same endpoint, host and slot. */
  predecessors(
    of: Pick<ManagerRegistration, "endpoint" | "host" | "slot">,
  ): Promise<Array<{ id: string; pid: number }>>;
  /** Registers the endpoint and its types, opens the incarnation, retires a predecessor (its leases become due at once). */
  register(manager: ManagerRegistration): Promise<void>;
  /** `known: false`: this incarnation was declared dead or retired meanwhile; its leases are lost. */
  heartbeat(managerId: string, state: { running: number; draining: boolean }): Promise<{ known: boolean }>;
  /** Closes the incarnation in good order. */
  leave(managerId: string): Promise<void>;

  /**
   * Compare-and-set, before anything runs: grants what is claimable at this endpoint (its own rows and those of
   * `deliver: one`), under one fresh lease, counting the attempt. Answers in the order given.
   *
   * After an unknown outcome the same manager repeats the call: what had been granted to it and never been told is granted
   * as it stands, the attempt not counted twice. Otherwise a lost COMMIT answer would leave a row `running` that nobody runs.
   */
  claim(managerId: string, endpoint: string, claims: readonly Claim[]): Promise<ClaimAnswer[]>;
  /** Says that these wait at the endpoint (`received`). Only what is still `expected` changes. */
  received(endpoint: string, claims: readonly Claim[]): Promise<void>;
  progress(reports: ReadonlyArray<LeaseRef & { progress: number; message: string | null }>): Promise<void>;
  log(chunks: ReadonlyArray<ResponseKey & { attempt: number; text: string }>): Promise<void>;
  /** Ends attempts, each only under its lease. Answers in the order given. */
  finish(ends: readonly AttemptEnd[]): Promise<EndAnswer[]>;
  /** Puts a request for another task into the inbox; the API's reconciler takes it in within a second. */
  request(row: RequestRow): Promise<void>;
  /** For what runs: is the lease still held, has a cancel been asked? In the order given. */
  check(leases: readonly LeaseRef[]): Promise<Array<"held" | "cancel" | "lost">>;
}

// --------------------------------------------------------------------------------------------------------------- upkeep

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

export interface RequestRow {
  id: string;
  type: string;
  identifier: string;
  /** JSON text of the rest of the request (`payload`, `endpoints`, …). */
  body: string;
  createdBy: string | null;
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

export type { AccessStore, ApiKeyRecord, AuditEntry } from "./access";
