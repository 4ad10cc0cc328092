import type { TaskTypeConfig } from "../config/config";
import type { TaskerError } from "../errors";
import type { TaskState } from "../model/completeness";
import type { Json, JsonObject } from "../model/json/json";
import type { AttemptRecord, ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { TaskRecord } from "../model/task";
import type {
  CancelOutcome,
  EndpointRecord,
  EndpointRemoval,
  LogChunk,
  ResponseBrief,
  ResponseChange,
  ResponseFilter,
  TaskFilter,
} from "../store/store";

/**
 * Everything that can be asked of tasks, over HTTP or as a library. All calls reject with TaskerError only.
 * `type` is always checked first (`unknown_task_type`). Of a type that the config has no more, tasks that are stored can be read and
 * cancelled, not created or retried.
 */
export interface TaskService {
  /**
   * Validates, stores, hands to the publisher; resolves once committed. `body` is the parsed request, not yet trusted;
   * `raw` the JSON text it was parsed from: with it the payload is kept byte for byte (as for the batch and start).
   */
  submit(type: string, body: unknown, caller: Caller, raw?: string): Promise<Submitted>;
  /** At most 1000, answered in order; each stands or falls alone. */
  submitBatch(type: string, body: unknown, caller: Caller, raw?: string): Promise<Array<Submitted | TaskerError>>;
  read(type: string, id: string): Promise<TaskReading<ResponseRecord>>;
  /**
   * As read, once the task is settled, differs from `etag`, `ms` are over, or `signal` aborts.
   */
  wait(type: string, id: string, ms: number, more?: WaitOptions): Promise<TaskReading<ResponseRecord>>;
  list(filter: TaskFilter): Promise<Page<TaskReading<ResponseBrief>>>;
  responses(type: string, id: string, filter: ResponseFilter): Promise<Page<ResponseRecord> & { task: TaskRecord }>;
  /** All rows (jobs) of that endpoint, with their attempts, oldest first. */
  response(
    type: string,
    id: string,
    endpoint: string,
  ): Promise<{ task: TaskRecord; rows: ResponseRecord[]; attempts: AttemptRecord[] }>;
  log(
    type: string,
    id: string,
    endpoint: string,
    job: string | null,
    afterSeq: number,
    limit: number,
  ): Promise<LogChunk[]>;
  /**
   * Withdraws what waits and tells what runs to stop, everywhere or at `endpoints`; with `ms` answers when that has really
   * stopped, or when they are over or `signal` aborts.
   */
  cancel(type: string, id: string, caller: Caller, more?: CancelOptions): Promise<Cancelled>;
  retry(
    type: string,
    id: string,
    body: unknown,
    caller: Caller,
  ): Promise<{ reopened: ResponseKey[]; reading: TaskReading<ResponseRecord> }>;
  /** `single_run` types: */
  start(type: string, body: unknown, caller: Caller, raw?: string): Promise<Submitted>;
  current(type: string): Promise<TaskReading<ResponseRecord> | null>;
  /** As cancel; null: none was under way. */
  stop(type: string, caller: Caller, more?: CancelWait): Promise<Cancelled | null>;

  types(): TypeReading[];
  typeReading(
    type: string,
  ): Promise<TypeReading & { registered: string[]; open: Partial<Record<ResponseStatus, number>> }>;
  /** Whether the type is in the config, or tasks of it are stored from when it was. */
  knowsType(type: string): Promise<boolean>;
  endpoints(types?: readonly string[] | null): Promise<EndpointReading[]>;
  /** Responses that are not final. */
  openCounts(): Promise<Array<{ type: string; endpoint: string; status: ResponseStatus; count: number }>>;
  endpoint(name: string, types?: readonly string[] | null): Promise<EndpointReading>;
  /** Ends the endpoint's life; `dryRun`: only tells what that would mean. */
  removeEndpoint(name: string, more: { dryRun: boolean }): Promise<EndpointRemoved>;
  /** It goes on under another name, with what it owes. Not while a manager or a lease of it lives. */
  renameEndpoint(name: string, to: string): Promise<EndpointRenamed>;
  changes(
    after: string | null,
    limit: number,
    only?: { taskId?: string; type?: string },
  ): Promise<{ changes: ResponseChange[]; cursor: string }>;
  health(): Promise<ServiceHealth>;
}

export interface Caller {
  /** Name of the API key, null without keys. */
  name: string | null;
  /** Types it may touch, null: all. */
  types: readonly string[] | null;
  remote: string | null;
  traceparent: string | null;
}

export interface WaitOptions {
  etag?: string;
  signal?: AbortSignal;
  /** The task as it was read or stored just now. */
  first?: TaskReading<ResponseRecord>;
}

export interface CancelWait {
  /** 0 if left out: not at all. */
  ms?: number;
  signal?: AbortSignal;
}

export interface CancelOptions extends CancelWait {
  /** Only there; each has to be one that the task expects. */
  endpoints?: readonly string[];
}

export interface Cancelled {
  outcomes: CancelResult[];
  reading: TaskReading<ResponseRecord>;
}

/** stopping: told to, not yet known to have ended · stopped: it has · killed: it has, by force. */
export interface CancelResult extends Omit<CancelOutcome, "outcome"> {
  outcome: CancelOutcome["outcome"] | "stopped" | "killed";
}

export interface TaskReading<R> {
  task: TaskRecord;
  /** Sorted by endpoint, then job. */
  responses: R[];
  state: TaskState;
  /** Changes whenever anything shown of the task changes. A quoted HTTP entity tag. */
  etag: string;
  now: string;
}

export interface Submitted {
  reading: TaskReading<ResponseRecord>;
  /** The same request had been stored before. */
  replayed: boolean;
}

export interface Page<T> {
  items: T[];
  /** Opaque; hand it back as `after`. */
  next: string | null;
}

export interface TypeReading {
  name: string;
  config: TaskTypeConfig;
}

export type EndpointReading = EndpointRecord & { open: Partial<Record<ResponseStatus, number>> };

/** A user that an endpoint has of its own at the broker. `kept`: it could not be deleted; `why` says what to do. */
export interface BrokerUser {
  name: string;
  state: "deleted" | "absent" | "kept";
  why?: string;
}

export interface EndpointRemoved extends EndpointRemoval {
  dryRun: boolean;
  /** pending: when the broker takes it · null: a dry run. */
  queues: "removed" | "pending" | null;
  /** Null: a dry run, or a broker without users. */
  brokerUser: BrokerUser | null;
}

export interface EndpointRenamed {
  /** The new one. */
  name: string;
  from: string;
  /** Responses that are open under the new name. */
  moved: number;
  queues: "removed" | "pending";
  brokerUser: BrokerUser | null;
}

export interface ServiceHealth {
  ready: boolean;
  checks: Record<string, { ok: boolean; detail?: Json } & JsonObject>;
}
