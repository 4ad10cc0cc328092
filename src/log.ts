import { write, writeSync } from "node:fs";
import pino from "pino";

/** `log.info({ task_id, endpoint }, "sentence")`: ids belong in fields, not in the sentence. */
export type Log = Pick<pino.Logger, "trace" | "debug" | "info" | "warn" | "error" | "child">;

const SECRETS = ["password", "authorization", "cookie", "key", "uri"].flatMap((name) => [name, `*.${name}`]);

/** Most characters that wait to be written. Further lines are dropped. */
const MAX_WAITING = 1024 * 1024;
/** Pause before a slow reader is tried again, and how often the end of the process waits for it. */
const BUSY_MS = 100;
const MAX_BUSY = 20;

/**
 * Writes lines to a file asynchronously. Lines that cannot be written (a full disk, a terminal that
 * has gone) wait, and every further line tries again. pino's own destination would end the process,
 * and then retry for ever.
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

  /** At the exit of the process. A write under way is left to the system. */
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

/** A pipe or terminal accepts no more at the moment. */
function isBusy(error: NodeJS.ErrnoException): boolean {
  return error.code === "EAGAIN" || error.code === "EBUSY";
}

/** One for the process, so that lines are not mixed. */
const STANDARD_ERROR = new LogFile(2);

/** Logs JSON lines to standard error; standard output carries data and the ready line. */
export function createLog(level: string, base: Record<string, unknown> = {}): Log {
  const redact = { paths: SECRETS, censor: "[redacted]" };
  return pino({ level, base, redact, timestamp: pino.stdTimeFunctions.isoTime }, STANDARD_ERROR);
}

export const silentLog: Log = pino({ level: "silent" });
