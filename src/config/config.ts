import type { JsonObject } from "../model/json/json";

/** The config as the rest of the program sees it: checked, complete, durations in milliseconds. Built by load.ts only. */
export interface Config {
  runMode: RunMode;
  /** The file it came from, for messages; null: defaults only. */
  file: string | null;
  /** Absolute folder of handler modules. */
  handlersDir: string;
  taskTypes: Record<string, TaskTypeConfig>;
  api: ApiConfig;
  manager: ManagerConfig;
  database: DatabaseConfig;
  broker: BrokerConfig;
  /** RabbitMQ's administrator; used by `initialize` only. */
  rabbitmq: RabbitmqConfig | null;
  log: { level: "trace" | "debug" | "info" | "warn" | "error" | "silent"; pretty: boolean };
}

export type RunMode = "embedded" | "development" | "test" | "production";

export interface TaskTypeConfig {
  name: string;
  deliver: "each" | "one";
  /** Endpoints registered by the config, beside those that register themselves. */
  endpoints: string[];
  concurrency: number;
  timeoutMs: number;
  waitMs: number;
  expiresMs: number | null;
  keepMs: number | null;
  attempts: number;
  backoff: { firstMs: number; factor: number; maxMs: number };
  isolation: "process" | "inline";
  /** With `isolation: process`: a process takes one attempt after another; false: each attempt has a new one. */
  reuse: boolean;
  /** Whether an attempt is claimed before its handler starts, or with its end (handlers that may run once too often). */
  claim: "first" | "late";
  priority: number;
  payloadSchema: JsonObject | null;
  singleRun: boolean;
  legacyGet: boolean;
  /** Handler module names, all run at once; empty: no jobs. */
  jobs: string[];
  /** Types that its handlers may ask for; null: all, but none for a manager with a database user of its own. */
  submits: string[] | null;
  performer: PerformerConfig;
}

/** What performs a type. */
export type PerformerConfig =
  | { kind: "module"; handler: string }
  | {
      kind: "command";
      command: string[];
      successCodes: number[];
      /** Names of variables of the manager's environment that are passed on. */
      env: string[];
      cwd: string | null;
      maxOutputBytes: number;
      graceMs: number;
    }
  | {
      kind: "http";
      allowHosts: string[];
      successStatuses: number[];
      maxBodyBytes: number;
      maxRedirects: number;
      timeoutMs: number | null;
    };

export interface ApiKeyConfig {
  name: string;
  /** SHA-256 hex of the secret, written `sha256:…`; a plain `key:` is hashed on load. */
  hash: string;
  scopes: string[];
  types: string[] | null;
}

export interface ApiConfig {
  host: string;
  port: number;
  maxBodyBytes: number;
  waitMs: number;
  /** Longest `?wait=`, milliseconds. */
  maxWaitMs: number;
  keys: ApiKeyConfig[];
  /** HTTP Basic users; hash is scrypt or sha256 text as for keys. */
  keyInUrl: boolean;
  /** Proxies in front of us: how many every request has passed, or their addresses and networks. 0: none. */
  trustProxy: number | string[];
  rateLimit: { windowMs: number; requests: number } | null;
  /** Stored but unpublished tasks from which on creates answer 503 `overloaded`. */
  outboxLimit: number;
  /** Largest result a manager stores, bytes. */
  maxResultBytes: number;
  drainMs: number;
  basePath: string;
}

export interface ManagerConfig {
  /** One manager runs for each name (several only in one process: `tasker up`). */
  endpoints: string[];
  labels: JsonObject;
  /** Types it serves; null: all. */
  types: string[] | null;
  drainMs: number;
  heartbeatMs: number;
  ttlMs: number;
  /** Grace between telling a handler to stop and killing it. */
  graceMs: number;
  maxResultBytes: number;
  maxLogBytes: number;
  spoolDir: string;
  slot: string;
  /** Where a manager process listens with `port`. */
  host: string;
  /** Health and metrics port of a manager process; null: none. */
  port: number | null;
}

export interface DatabaseConfig {
  uri: string;
  /** An administrator who may create databases and users; used by `initialize` only. */
  adminUri?: string | null;
  poolSize: number;
  deadlineMs: number;
  /** PEM file of the authority that the server's certificate must come from; null: as the URI says. */
  tls: TlsConfig | null;
}

export interface BrokerConfig {
  /** `amqp://…`, `amqps://…` or `embedded:`. */
  uri: string;
  queueType: "classic" | "quorum";
  /** Seconds. */
  heartbeat: number;
  tls: TlsConfig | null;
}

export interface TlsConfig {
  caFile: string | null;
  certFile: string | null;
  keyFile: string | null;
  verify: boolean;
}

export interface RabbitmqConfig {
  managementUri: string;
  user: string;
  password: string;
}
