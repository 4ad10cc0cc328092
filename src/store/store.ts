import type { JsonObject } from "../model/json/json";
import type { AttemptRecord, ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { TaskDraft, TaskRecord, TaskStatus } from "../model/task";
import type { AccessStore } from "./access";
import type { MaintenanceStore } from "./maintenance";
import type { ManagerRecord, ManagerStore } from "./managers";
import type { RecorderStore } from "./recorder";

/**
 * The seam to the database, which alone holds the truth about tasks. It has five interfaces, each
 * used by one folder:
 *
 *   tasks        the API: create, read, cancel, retry
 *   managers     a manager: register, heartbeat, claim, report progress, finish
 *   recorder     who commits the reports of many managers: claim, finish, heartbeat
 *   maintenance  the reconciler: lock, due responses, task statuses, dead managers, purge
 *   access       API keys and the audit trail
 *
 * Every implementation keeps these rules:
 *  - Only the database's clock is compared or stored.
 *  - Durations are milliseconds. Times are RFC 3339 in UTC with milliseconds.
 *  - A call may be repeated with the same arguments after an unknown outcome (a lost COMMIT
 *    answer).
 *  - A call that misses its deadline rejects with StoreUnavailable and leaves no connection in use.
 *  - An array is a batch: one transaction, rows in primary-key order. A bad row fails alone.
 *  - A manager's calls never write the task row.
 */
export interface Store {
  readonly kind: "mysql" | "sqlite";
  readonly tasks: TaskStore;
  readonly managers: ManagerStore;
  readonly recorder: RecorderStore;
  readonly maintenance: MaintenanceStore;
  readonly access: AccessStore;
  /**
   * Applies missing migrations under a lock and returns their names. Processes may call it at once.
   * The API and `initialize` call it; a manager lacks the rights.
   */
  migrate(): Promise<string[]>;
  /**
   * Resolves if every known migration is applied; else rejects with StoreUnavailable. Reads only.
   */
  schemaReady(): Promise<void>;
  /**
   * Rejects with StoreUnavailable if the latest writes failed. With `attempt` it makes a small
   * write if no recent one is known. A manager passes false: its heartbeats are the writes.
   */
  checkWrites(more: { attempt: boolean; deadlineMs: number }): Promise<void>;
  /** Makes one read; rejects with StoreUnavailable. */
  ping(deadlineMs?: number): Promise<void>;
  /** Closes all connections. Idempotent. */
  close(): Promise<void>;
}

/** The most creates under way at once; the store has connections for them. */
export const CREATE_LANES = 2;

/** How long the API may take to publish a stored task, and to store the confirm. Then it is due. */
export const PUBLISH_GRACE_MS = 3000;

export type CreateOutcome =
  /** `endpoints`: those that it is stored with, in any order. */
  | { kind: "created"; task: TaskRecord; endpoints: readonly string[] }
  /** The type has a task with this identifier. The caller compares `bodyHash`. */
  | { kind: "existing"; task: TaskRecord }
  /** Another task holds `runKey`; its stored status is not final. */
  | { kind: "busy"; taskId: string }
  /** The draft names no endpoint, and none is registered for the type. */
  | { kind: "unaddressed" }
  /** The database cannot store this task (too large, …). */
  | { kind: "refused"; error: Error };

/** Selects a page of tasks, newest first. `after`: the id of the previous page's last task. */
export interface TaskFilter {
  type?: string;
  /** The types that an API key may read; undefined: all. */
  types?: readonly string[];
  status?: readonly TaskStatus[];
  identifier?: string;
  /** Tasks that expect this endpoint, or that it performed. */
  endpoint?: string;
  /** Status of the response at `endpoint`; ignored without it. */
  endpointStatus?: readonly ResponseStatus[];
  createdAfter?: string;
  createdBefore?: string;
  after?: string;
  limit: number;
}

/** A response without its result, error and lease: what completeness and lists need. */
export type ResponseBrief = Omit<ResponseRecord, "result" | "resultText" | "error" | "leaseId">;

/** A task with everything that its state is computed from. */
export interface TaskWithResponses<R> {
  task: TaskRecord;
  responses: R[];
  /** The database's clock when the task was read. */
  now: string;
  /** The `overdue` endpoints (model/completeness.ts) that live; read after the responses. */
  living: ReadonlySet<string>;
}

export interface ResponseFilter {
  status?: readonly ResponseStatus[];
  /** The previous page's last response. */
  after?: { endpoint: string; job: string };
  limit: number;
}

/** What a cancel does to one response. */
export interface CancelOutcome extends ResponseKey {
  performer: string | null;
  /**
   * withdrawn: it never starts · stopping: its attempt is asked to stop · finished: it was final.
   */
  outcome: "withdrawn" | "stopping" | "finished";
  status: ResponseStatus;
}

/** A changed response, for live views. `cursor` orders the feed and resumes it. */
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
  /** Returns the key that signs messages; the first call makes it. */
  messageKey(): Promise<string>;
  /**
   * Stores each task with its expected responses, all of a task or nothing. Outcomes come in the
   * order given.
   */
  create(tasks: readonly TaskDraft[]): Promise<CreateOutcome[]>;

  /** Reads a task with its responses by (endpoint, job). Null: the type has no such task. */
  find(type: string, id: string): Promise<TaskWithResponses<ResponseRecord> | null>;
  /** Reads several tasks without results, for waits and conditional reads. Skips unknown ids. */
  states(ids: readonly string[]): Promise<Array<TaskWithResponses<ResponseBrief>>>;
  /** Returns the ids of tasks that are not settled, without reading their responses. */
  unsettled(ids: readonly string[]): Promise<string[]>;
  /** Returns the newest task of the type, or null. */
  newest(type: string): Promise<TaskRecord | null>;
  /**
   * Returns a page of tasks. `status` means the stored one, about a reconciler's round (250 ms)
   * old.
   */
  list(filter: TaskFilter): Promise<TaskRecord[]>;

  /** Returns a page of the task's responses by (endpoint, job). */
  responses(taskId: string, filter: ResponseFilter): Promise<ResponseRecord[]>;
  /**
   * Returns one endpoint's responses, one a job. `deliver: one`: by performer or "*". Empty: none.
   */
  response(taskId: string, endpoint: string): Promise<ResponseRecord[]>;
  /** Returns one endpoint's former attempts, oldest first. */
  attempts(taskId: string, endpoint: string): Promise<AttemptRecord[]>;
  /** Returns log lines behind `afterSeq`, oldest first. */
  log(key: ResponseKey, afterSeq: number, limit: number): Promise<LogChunk[]>;

  /**
   * Cancels responses that wait and sets `cancelAt` of those that run, at `endpoints` or
   * everywhere. Returns the outcomes there. Null: no such task.
   */
  cancel(taskId: string, endpoints?: readonly string[]): Promise<CancelOutcome[] | null>;
  /**
   * Opens the next generation of the chosen responses that are final or still expected, and keeps
   * their former state as attempts. Returns the keys of the reopened responses.
   */
  retry(
    taskId: string,
    choose: { endpoints?: readonly string[]; statuses?: readonly ResponseStatus[] },
    more: { waitMs: number; expiresMs: number | null },
  ): Promise<ResponseKey[]>;

  /** Returns the endpoints registered for the type by the config or a manager, sorted. */
  endpointsOf(type: string): Promise<string[]>;
  /** Returns whether any task of the type is stored. */
  typeExists(type: string): Promise<boolean>;
  /** Replaces the config's endpoints of the type. Returns the listed ones that stay removed. */
  registerEndpoints(type: string, endpoints: readonly string[]): Promise<string[]>;
  /**
   * Deletes the endpoint's registrations, retires its managers and cancels its open responses with
   * the reason `endpoint_removed`. `dryRun`: reports without a change. Null: the name is unknown.
   */
  removeEndpoint(name: string, dryRun: boolean): Promise<EndpointRemoval | null>;
  /** Moves the endpoint and its open tasks to `to` in one transaction. `from` stays reserved. */
  renameEndpoint(from: string, to: string): Promise<RenameOutcome>;
  /** Returns all endpoints that are not removed, by name. */
  endpoints(): Promise<EndpointRecord[]>;
  /** Returns the endpoint; null: unknown or removed. */
  endpoint(name: string): Promise<EndpointRecord | null>;
  /** Counts open responses. Reads open rows only. */
  openCounts(): Promise<Array<{ type: string; endpoint: string; status: ResponseStatus; count: number }>>;

  /** Returns changes behind the cursor, oldest first. Null: an empty page at the feed's end. */
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
  /** The latest heartbeat of its managers; null: none has ever registered. */
  lastSeenAt: string | null;
  /** The heartbeat of one of its managers is younger than `ttlMs`. */
  alive: boolean;
  managers: ManagerRecord[];
}

export interface EndpointRemoval {
  name: string;
  /** The types that it was registered for. */
  types: string[];
  /** The number of incarnations that had neither left nor been declared dead. */
  managers: number;
  /** One of these managers has a fresh heartbeat. */
  alive: boolean;
  /** Open responses by status. */
  open: Partial<Record<ResponseStatus, number>>;
  /** False: it had been removed before. */
  ended: boolean;
  /** When it was removed, by the database's clock. */
  until: string;
}

export type RenameOutcome =
  /** `moved`: the number of responses open under the new name. */
  | { kind: "renamed"; moved: number }
  /** No such endpoint. */
  | { kind: "unknown" }
  /** Another endpoint has the new name, or had it before it was renamed to `by`. */
  | { kind: "taken"; by: string | null }
  /** A manager or a running attempt is there. */
  | { kind: "busy"; why: string }
  /** An open task of the endpoint expects the new name, too. */
  | { kind: "expected"; taskId: string };

export type { AccessStore, ApiKeyRecord, AuditEntry } from "./access";
export type {
  DueResponse,
  EndedResponse,
  Heartbeat,
  KnownType,
  LeavingEndpoint,
  MaintenanceStore,
  RegistrationResult,
  SeenResponse,
} from "./maintenance";
export type * from "./managers";
export { knownGrant } from "./managers";
export type * from "./recorder";
