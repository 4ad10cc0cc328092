import type { Json, JsonObject } from "./json";

/** The HTTP contract beside tasks: types, endpoints, session, health. */

export interface TaskType {
  name: string;
  deliver: "each" | "one";
  performer: "module" | "command" | "http";
  single_run: boolean;
  jobs: string[];
  /** Endpoints registered by the config. */
  endpoints: string[];
  concurrency: number;
  priority: number;
  attempts: number;
  backoff: { first_ms: number; factor: number; max_ms: number };
  timeout_ms: number;
  wait_for_endpoints_timeout_ms: number;
  expires_ms: number | null;
  keep_ms: number | null;
  payload_schema: JsonObject | null;
}

export interface TaskTypeDetail extends TaskType {
  /** Every endpoint that performs it, by the config or by the registration of its manager. */
  registered: string[];
  open: OpenCounts;
}

/** Responses that are not final, by status. */
export type OpenCounts = Record<"expected" | "received" | "running" | "retrying", number>;

export interface Endpoint {
  name: string;
  /** One of its managers has sent a heartbeat within its time to live. */
  alive: boolean;
  labels: JsonObject;
  types: string[];
  first_seen_at: string;
  /** Null: configured, never connected. */
  last_seen_at: string | null;
  open: OpenCounts;
  managers: Manager[];
}

/**
 * The endpoint's own user at the broker. `kept`: it could not be deleted, and `detail` says why.
 */
export interface BrokerUser {
  name: string;
  state: "deleted" | "absent" | "kept";
  detail: string | null;
}

export interface EndpointRemoved {
  endpoint: string;
  dry_run: boolean;
  /** One of its managers was alive. */
  alive: boolean;
  /** Number of its managers, alive or silent. */
  managers: number;
  types: string[];
  /** The responses it owed, by status; now `cancelled` with the reason `endpoint_removed`. */
  ended: OpenCounts;
  /** pending: deleted once the broker can be reached · null: a dry run. */
  queues: "removed" | "pending" | null;
  broker_user: BrokerUser | null;
}

export interface EndpointRenamed {
  /** The new name. */
  endpoint: string;
  renamed_from: string;
  /** Responses open under the new name. */
  moved: number;
  queues: "removed" | "pending";
  broker_user: BrokerUser | null;
}

export interface Manager {
  id: string;
  state: "alive" | "draining" | "stopped" | "retired" | "dead";
  host: string;
  pid: number;
  slot: string;
  version: string;
  running: number;
  started_at: string;
  heartbeat_at: string;
  stopped_at: string | null;
}

export type Scope = "read" | "submit" | "operate" | "admin";

/** The caller and its rights (`GET /session`). */
export interface Session {
  /** Name of the key; null: no keys exist and none is needed. */
  name: string | null;
  scopes: Scope[];
  /** Null: all types. */
  types: string[] | null;
  /** Required as X-CSRF-Token by every request that changes something; null without a cookie. */
  csrf_token: string | null;
  run_mode: string;
  version: string;
}

export interface Health {
  status: "ready" | "not_ready" | "draining";
  ready: boolean;
  checks: Record<string, { ok: boolean; [more: string]: Json }>;
}
