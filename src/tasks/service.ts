import type { TaskTypeConfig } from "../config/config";
import type { TaskerError } from "../errors";
import type { TaskState } from "../model/completeness";
import type { Json, JsonObject } from "../model/json";
import type { AttemptRecord, ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { TaskRecord } from "../model/task";
import type {
  CancelOutcome,
  EndpointRecord,
  LogChunk,
  ResponseBrief,
  ResponseChange,
  ResponseFilter,
  TaskFilter,
} from "../store/store";

/**
 * Everything that can be asked of tasks, over HTTP or as a library. All calls reject with TaskerError only.
 * `type` is always checked first (`unknown_task_type`).
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
   * As read, once the task is settled or differs from `etag` (when given) or `ms` are over or `signal` aborts. `first`: the task as
   * it was read or stored just now.
   */
  wait(
    type: string,
    id: string,
    ms: number,
    more?: { etag?: string; signal?: AbortSignal; first?: TaskReading<ResponseRecord> },
  ): Promise<TaskReading<ResponseRecord>>;
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
  endpoints(
    types?: readonly string[] | null,
  ): Promise<Array<EndpointRecord & { open: Partial<Record<ResponseStatus, number>> }>>;
  /** Responses that are not final. */
  openCounts(): Promise<Array<{ type: string; endpoint: string; status: ResponseStatus; count: number }>>;
  endpoint(
    name: string,
    types?: readonly string[] | null,
  ): Promise<EndpointRecord & { open: Partial<Record<ResponseStatus, number>> }>;
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

export interface ServiceHealth {
  ready: boolean;
  checks: Record<string, { ok: boolean; detail?: Json } & JsonObject>;
}
