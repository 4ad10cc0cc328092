import type { JsonObject } from "../model/json/json";
import type { AttemptRecord, ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { TaskDraft, TaskRecord, TaskStatus } from "../model/task";
import type { AccessStore } from "./access";
import type { MaintenanceStore } from "./maintenance";
import type { ManagerRecord, ManagerStore } from "./managers";

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
  readonly maintenance: MaintenanceStore;
  readonly access: AccessStore;
  /**
   * Brings the schema up to date under a lock; safe from many processes at once. Returns the names of what it applied.
   * For the API and `initialize`: a manager has no right to it.
   */
  migrate(): Promise<string[]>;
  /** Reads only: resolves once the schema has all that this program knows; rejects with StoreUnavailable until it does. */
  schemaReady(): Promise<void>;
  /**
   * Rejects with StoreUnavailable while writes fail, as the last real ones went. Where none has been made for a moment, a small
   * one is (`attempt`; not for a manager, whose heartbeats tell), so that what is asked for next is known to have a chance.
   */
  checkWrites(more: { attempt: boolean; deadlineMs: number }): Promise<void>;
  /** One round trip that reads; rejects with StoreUnavailable. */
  ping(deadlineMs?: number): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------- tasks

export type CreateOutcome =
  /** `endpoints`: with which it was stored, in any order. */
  | { kind: "created"; task: TaskRecord; endpoints: readonly string[] }
  /** The identifier exists for the type. The caller compares `bodyHash`. */
  | { kind: "existing"; task: TaskRecord }
  /** `runKey` is held by a task whose end, if it has one, is not stored yet. */
  | { kind: "busy"; taskId: string }
  /** It names no endpoint, and none is registered for the type. */
  | { kind: "unaddressed" }
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
export type ResponseBrief = Omit<ResponseRecord, "result" | "resultText" | "error" | "leaseId">;

/** A task with what its state is computed from. */
export interface TaskWithResponses<R> {
  task: TaskRecord;
  responses: R[];
  /** The database's clock at the read. */
  now: string;
  /** Those of its `overdue` endpoints (model/completeness.ts) that live, as of after the responses were read. */
  living: ReadonlySet<string>;
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
  create(tasks: readonly TaskDraft[]): Promise<CreateOutcome[]>;

  /** Null: no such task of that type. Responses come in the order of `endpoints` as created (primary key: endpoint, job). */
  find(type: string, id: string): Promise<TaskWithResponses<ResponseRecord> | null>;
  /** As find, without results; for waiting and conditional reads of several tasks at once. Unknown ids are left out. */
  states(ids: readonly string[]): Promise<Array<TaskWithResponses<ResponseBrief>>>;
  /** Those of the tasks that are not settled, seen without reading their responses. */
  unsettled(ids: readonly string[]): Promise<string[]>;
  /** The newest task of the type, or null (`single_run`'s status). */
  newest(type: string): Promise<TaskRecord | null>;
  /** Filters on `status` use the last stored status, which trails the rows by a reconciler's tick. */
  list(filter: TaskFilter): Promise<TaskRecord[]>;

  responses(taskId: string, filter: ResponseFilter): Promise<ResponseRecord[]>;
  /** All jobs of one endpoint (for `deliver: one`: of the performer or "*"); empty: no such response. */
  response(taskId: string, endpoint: string): Promise<ResponseRecord[]>;
  attempts(taskId: string, endpoint: string): Promise<AttemptRecord[]>;
  log(key: ResponseKey, afterSeq: number, limit: number): Promise<LogChunk[]>;

  /**
   * Withdraws what waits, marks what runs (`cancelAt`); with `endpoints` only there, and only their outcomes. Null: no such task.
   * Repeating it is harmless.
   */
  cancel(taskId: string, endpoints?: readonly string[]): Promise<CancelOutcome[] | null>;
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
  /** Whether any task of the type is stored, configured or not. */
  typeExists(type: string): Promise<boolean>;
  /** What the config lists for the type, in place of what it listed before. Returns those that were removed and stay so. */
  registerEndpoints(type: string, endpoints: readonly string[]): Promise<string[]>;
  /**
   * Ends the endpoint's life: its registrations and managers go, what it owes is `cancelled` with the reason `endpoint_removed`.
   * `dryRun`: only tells. Null: no such endpoint, and nothing is expected of one. Repeating it is harmless.
   */
  removeEndpoint(name: string, dryRun: boolean): Promise<EndpointRemoval | null>;
  /** The endpoint goes on as `to`, with what it owes; the old name stays reserved. All or nothing; repeating it is harmless. */
  renameEndpoint(from: string, to: string): Promise<RenameOutcome>;
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

export interface EndpointRemoval {
  name: string;
  /** For which it was registered. */
  types: string[];
  /** Incarnations that were not closed; `alive`: one of them has a fresh heartbeat. */
  managers: number;
  alive: boolean;
  /** Its responses that were not final. */
  open: Partial<Record<ResponseStatus, number>>;
  /** False: it had been removed before. */
  ended: boolean;
  /** The end of its life, by the database's clock. */
  until: string;
}

export type RenameOutcome =
  /** `moved`: responses that are open under the new name. */
  | { kind: "renamed"; moved: number }
  /** No such endpoint. */
  | { kind: "unknown" }
  /** The new name is another endpoint's, or reserved since one was renamed (`by`: to that). */
  | { kind: "taken"; by: string | null }
  /** A manager lives there, or a lease. */
  | { kind: "busy"; why: string }
  /** A task that is open there expects the new name as well. */
  | { kind: "expected"; taskId: string };

export type { AccessStore, ApiKeyRecord, AuditEntry } from "./access";
export type {
  Admission,
  DueResponse,
  EndedResponse,
  Heartbeat,
  KnownType,
  LeavingEndpoint,
  MaintenanceStore,
  SeenResponse,
} from "./maintenance";
export type * from "./managers";
export { knownGrant } from "./managers";
