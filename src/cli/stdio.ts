import { writeSync } from "node:fs";
import type { Writable } from "node:stream";
import { EXIT } from "./exit-codes";

type Name = "stdout" | "stderr";
type Failure = NodeJS.ErrnoException;

/** Output has no reader any more: a following command ends. */
export class OutputGone extends Error {}

/**
 * Standard output and standard error. A failed write is remembered until the process ends, and then
 * determines its exit code. A reader that has left (`| head`) is no error and is not reported.
 */
class StandardStreams {
  private readonly failures: Partial<Record<Name, Failure>> = {};
  private readonly lost = new AbortController();
  /** Aborts with OutputGone once standard output fails, or either stream has lost its reader. */
  readonly gone: AbortSignal = this.lost.signal;

  /** To be called before anything is written. */
  watch(): void {
    for (const name of ["stdout", "stderr"] as const) {
      const stream = process[name];
      if (isFile(stream)) writeWhole(stream);
      stream.on("error", (error: Failure) => {
        this.failures[name] ??= error;
        if (name === "stdout" || isClosed(error)) this.lost.abort(new OutputGone(error.message));
      });
    }
  }

  /** Resolves when everything written so far is out or has failed. */
  async flush(): Promise<void> {
    for (const stream of [process.stdout, process.stderr]) {
      await new Promise<void>((resolve) => stream.write("", () => resolve()));
      // The error event follows the callback of its write.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** The exit code, given `code` for the case that all output was written. */
  exitCode(code: number): number {
    const { stdout, stderr } = this.failures;
    if (stdout) return isClosed(stdout) ? EXIT.closedPipe : EXIT.output;
    if (stderr && code === EXIT.done) return isClosed(stderr) ? EXIT.closedPipe : EXIT.output;
    return code;
  }

  /** The message about standard output; null: it was written, or its reader has left. */
  problem(): string | null {
    const { stdout } = this.failures;
    return stdout && !isClosed(stdout) ? `error: standard output could not be written: ${reasonOf(stdout)}` : null;
  }
}

/** One for the process, which has one standard output, and one exit code. */
export const standardStreams = new StandardStreams();

/** Whether the reader has left. */
export function isClosed(error: Failure): boolean {
  return error.code === "EPIPE" || error.code === "ECONNRESET";
}

const REASONS: Record<string, string> = {
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file may not grow any further",
  EIO: "input/output error (a terminal that is gone, a broken disk)",
  EPIPE: "its reader has gone",
};

export function reasonOf(error: Failure): string {
  const reason = REASONS[error.code ?? ""];
  return reason === undefined ? error.message : `${reason} (${error.code})`;
}

interface FileStream extends Writable {
  fd: number;
}

/**
 * Neither a terminal nor a pipe nor a socket; to those Node itself writes until everything is out.
 */
function isFile(stream: object): stream is FileStream {
  return stream.constructor.name === "SyncWriteStream";
}

/**
 * Node writes to a file once and drops what had no room. A full disk would cut the output silently.
 */
function writeWhole(stream: FileStream): void {
  stream._write = (chunk: Buffer | string, encoding, done) => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(stream.fd, bytes, at);
    } catch (error) {
      done(error as Failure);
      return;
    }
    done();
  };
}
