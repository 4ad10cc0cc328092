import pino from "pino";

/** Structured log: `log.info({ task_id, endpoint }, "sentence")`. Ids go into fields, never into the sentence. */
export type Log = Pick<pino.Logger, "trace" | "debug" | "info" | "warn" | "error" | "child">;

const SECRETS = [
  "password",
  "*.password",
  "authorization",
  "*.authorization",
  "cookie",
  "*.cookie",
  "key",
  "*.key",
  "uri",
  "*.uri",
];

/** Writes JSON lines to standard error: standard output belongs to a command's data and its one ready line. */
export function createLog(level: string, base: Record<string, unknown> = {}): Log {
  return pino(
    { level, base, redact: { paths: SECRETS, censor: "[redacted]" }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: false }),
  );
}

export const silentLog: Log = pino({ level: "silent" });
