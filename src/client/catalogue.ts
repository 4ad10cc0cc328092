import type { Json, JsonObject } from "./json";

/** What a server knows beside tasks: types, endpoints, who asks, and how it is. Part of the HTTP contract, as types.ts. */

export interface TaskType {
  name: string;
  deliver: "each" | "one";
  performer: "module" | "command" | "http";
  single_run: boolean;
  jobs: string[];
  /** Registered by the config. */
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

/** One type, read alone. */
export interface TaskTypeDetail extends TaskType {
  /** Every endpoint that performs it now: by the config, or because its manager has registered. */
  registered: string[];
  open: OpenCounts;
}

/** Responses that are not final, by status. */
export type OpenCounts = Record<"expected" | "received" | "running" | "retrying", number>;

export interface Endpoint {
  name: string;
  /** One of its managers has sent a heartbeat lately. */
  alive: boolean;
  labels: JsonObject;
  types: string[];
  first_seen_at: string;
  /** Null: configured, never connected. */
  last_seen_at: string | null;
  open: OpenCounts;
  managers: Manager[];
}

/** The endpoint's own user at the broker. `kept`: it could not be deleted, and `detail` says why. */
export interface BrokerUser {
  name: string;
  state: "deleted" | "absent" | "kept";
  detail: string | null;
}

export interface EndpointRemoved {
  endpoint: string;
  dry_run: boolean;
  /** One of its managers had sent a heartbeat lately. */
  alive: boolean;
  /** Managers that were there, alive or silent. */
  managers: number;
  types: string[];
  /** What it owed, by status: final now, `cancelled` with the reason `endpoint_removed`. */
  ended: OpenCounts;
  /** pending: they go when the broker takes it · null: a dry run. */
  queues: "removed" | "pending" | null;
  broker_user: BrokerUser | null;
}

export interface EndpointRenamed {
  /** The new name. */
  endpoint: string;
  renamed_from: string;
  /** Responses that are open under the new name. */
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

/** Who asks, and what they may do (`GET /session`). */
export interface Session {
  /** Name of the key, null: no keys exist and none is needed. */
  name: string | null;
  scopes: Scope[];
  /** Null: all types. */
  types: string[] | null;
  /** Needed as X-CSRF-Token by every request that changes something; null without a cookie. */
  csrf_token: string | null;
  run_mode: string;
  version: string;
}

export interface Health {
  status: "ready" | "not_ready" | "draining";
  ready: boolean;
  checks: Record<string, { ok: boolean; [more: string]: Json }>;
}
