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

/** What waits to be written while it cannot be, in characters; further lines are dropped. */
const MAX_WAITING = 1024 * 1024;

/** Writes JSON lines to standard error: standard output belongs to a command's data and its one ready line. */
export function createLog(level: string, base: Record<string, unknown> = {}): Log {
  return pino(
    { level, base, redact: { paths: SECRETS, censor: "[redacted]" }, timestamp: pino.stdTimeFunctions.isoTime },
    destination(),
  );
}

/** A log that cannot be written (a full disk, a terminal that is gone) ends nothing: each further line tries again. */
function destination() {
  const stream = pino.destination({ dest: 2, sync: false, maxLength: MAX_WAITING });
  stream.on("error", () => {});
  const flushSync = stream.flushSync.bind(stream);
  // Called when the process ends, where an exception would change its exit code.
  stream.flushSync = () => {
    try {
      flushSync();
    } catch {
      // What could not be written until now is lost.
    }
  };
  return stream;
}

export const silentLog: Log = pino({ level: "silent" });
