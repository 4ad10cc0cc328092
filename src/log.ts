import { write, writeSync } from "node:fs";
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
  standardError ??= new LogFile(2);
  return pino(
    { level, base, redact: { paths: SECRETS, censor: "[redacted]" }, timestamp: pino.stdTimeFunctions.isoTime },
    standardError,
  );
}

let standardError: LogFile | undefined;

/** Characters that wait while they cannot be written; further lines are dropped. */
const MAX_WAITING = 1024 * 1024;
/** Pause before a reader that is behind is tried again, and how often the end of the process waits for it. */
const BUSY_MS = 100;
const MAX_BUSY = 20;

/**
 * Lines on their way into a file, written without waiting. What cannot be written (a full disk, a terminal that is gone) ends
 * nothing: it waits, and every further line tries again. pino's own destination ends the process then, and on its way out tries
 * for ever.
 */
class LogFile {
  private waiting = "";
  private unwritten: Buffer = Buffer.alloc(0);
  private writing = false;
  private closed = false;

  constructor(private readonly fd: number) {
    process.once("exit", () => this.writeRest());
  }

  write(line: string): void {
    if (this.closed || this.waiting.length + line.length > MAX_WAITING) return;
    this.waiting += line;
    if (!this.writing) this.writeNext();
  }

  private writeNext(): void {
    if (this.unwritten.length === 0) this.unwritten = this.taken();
    if (this.unwritten.length === 0) return;
    this.writing = true;
    write(this.fd, this.unwritten, (error, written) => {
      this.writing = false;
      if (error === null) {
        this.unwritten = this.unwritten.subarray(written);
        this.writeNext();
      } else if (isBusy(error)) setTimeout(() => this.writing || this.writeNext(), BUSY_MS).unref();
      else if (error.code === "EPIPE") this.closed = true;
    });
  }

  private taken(): Buffer {
    const bytes = Buffer.from(this.waiting);
    this.waiting = "";
    return bytes;
  }

  /** The last chance. What is under way is left to the system. */
  private writeRest(): void {
    if (this.closed) return;
    let rest = this.writing ? this.taken() : Buffer.concat([this.unwritten, this.taken()]);
    for (let busy = 0; rest.length > 0; ) {
      try {
        rest = rest.subarray(writeSync(this.fd, rest));
      } catch (error) {
        if (!isBusy(error as NodeJS.ErrnoException) || ++busy > MAX_BUSY) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
      }
    }
  }
}

/** Of a pipe or terminal that does not take more just now. */
function isBusy(error: NodeJS.ErrnoException): boolean {
  return error.code === "EAGAIN" || error.code === "EBUSY";
}

export const silentLog: Log = pino({ level: "silent" });
