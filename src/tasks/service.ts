import type { TaskTypeConfig } from "../config/config";
import type { TaskState } from "../model/completeness";
import type { Json, JsonObject } from "../model/json/json";
import type { AttemptRecord, ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { TaskRecord } from "../model/task";
import type { CancelOutcome, EndpointRecord, EndpointRemoval } from "../store/store";

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

/** stopping: asked to, end not yet known · stopped: ended · killed: ended by force. */
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

/** All rows (jobs) of one endpoint, with their attempts, oldest first. */
export interface ResponseReading {
  task: TaskRecord;
  rows: ResponseRecord[];
  attempts: AttemptRecord[];
}

export interface Retried {
  reopened: ResponseKey[];
  reading: TaskReading<ResponseRecord>;
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

export interface TypeDetail extends TypeReading {
  /** Endpoints that perform it now. */
  registered: string[];
  open: Partial<Record<ResponseStatus, number>>;
}

export type EndpointReading = EndpointRecord & { open: Partial<Record<ResponseStatus, number>> };

/**
 * A user that an endpoint has of its own at the broker. `kept`: it could not be deleted; `why` says
 * what to do.
 */
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
