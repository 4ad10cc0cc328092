import type { RunMode } from "./config";

/** What a key means where it is left out. Durations in milliseconds, sizes in bytes; `docs` and `config print` show these. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const KB = 1024;
const MB = 1024 * KB;

export const RUN_MODES: readonly RunMode[] = ["embedded", "development", "test", "production"];

export const DEFAULT_HANDLERS = "handlers";
export const DEFAULT_SPOOL = "data/spool";

export const TASK_TYPE_DEFAULTS = {
  deliver: "each",
  concurrency: 4,
  timeoutMs: 10 * MINUTE,
  expiresMs: 7 * DAY,
  keepMs: 30 * DAY,
  attempts: 3,
  singleRunAttempts: 1,
  backoff: { firstMs: SECOND, factor: 2, maxMs: 5 * MINUTE },
  isolation: "process",
  reuse: true,
  claim: "first",
  priority: 0,
} as const;

export const COMMAND_DEFAULTS = { successCodes: [0], env: [] as string[], maxOutputBytes: MB };

/** Every 2xx is a success. */
const SUCCESS = Array.from({ length: 100 }, (_, index) => 200 + index);
export const HTTP_DEFAULTS = { successStatuses: SUCCESS, maxBodyBytes: MB, maxRedirects: 5 };

export const API_DEFAULTS = {
  host: "127.0.0.1",
  port: 3000,
  maxBodyBytes: MB,
  waitMs: 30 * SECOND,
  maxWaitMs: 60 * SECOND,
  keyInUrl: false,
  trustProxy: 0,
  outboxLimit: 100_000,
  maxResultBytes: MB,
  drainMs: 10 * SECOND,
  basePath: "",
};

export const MANAGER_DEFAULTS = {
  host: "127.0.0.1",
  drainMs: 30 * SECOND,
  heartbeatMs: 5 * SECOND,
  ttlMs: 30 * SECOND,
  graceMs: 5 * SECOND,
  maxResultBytes: MB,
  maxLogBytes: 256 * KB,
  slot: "0",
};

export const DATABASE_DEFAULTS = { poolSize: 10, deadlineMs: 4 * SECOND };
export const BROKER_DEFAULTS = { queueType: "classic", heartbeat: 10 } as const;

/** Only the embedded mode knows where its database and broker are without being told. */
export const EMBEDDED_DATABASE_URI = "sqlite:data/tasker.db";
export const EMBEDDED_BROKER_URI = "embedded:";

export const LOG_LEVEL: Record<RunMode, "info" | "warn"> = {
  embedded: "warn",
  development: "info",
  test: "info",
  production: "info",
};
