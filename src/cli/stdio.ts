import { writeSync } from "node:fs";
import type { Writable } from "node:stream";
import { EXIT } from "./exit-codes";

/**
 * Standard output and standard error. Output that was not written is an error: whatever fails here is kept until the process
 * ends, and then decides on its exit code. A reader that has seen enough (`| head`) is none, and nothing is said about it.
 */

type Name = "stdout" | "stderr";
type Failure = NodeJS.ErrnoException;

const failures: Partial<Record<Name, Failure>> = {};
const gone = new AbortController();

/** What is written from now on reaches nobody: what goes on until somebody has seen enough ends here. */
export class OutputGone extends Error {}

/** Aborted with OutputGone once standard output cannot be written, or nobody reads one of the two any more. */
export const outputGone: AbortSignal = gone.signal;

/** Call it before anything is written. */
export function watchOutput(): void {
  for (const name of ["stdout", "stderr"] as const) {
    const stream = process[name];
    if (isFile(stream)) writeWhole(stream);
    stream.on("error", (error: Failure) => {
      failures[name] ??= error;
      if (name === "stdout" || isClosed(error)) gone.abort(new OutputGone(error.message));
    });
  }
}

/** Resolves when everything written so far is out, or has failed. */
export async function flushOutput(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
    // An error is told after the callback of its write.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** The exit code of a process that would end with `code`, had everything been written. */
export function exitWithOutput(code: number): number {
  const { stdout, stderr } = failures;
  if (stdout) return isClosed(stdout) ? EXIT.closedPipe : EXIT.output;
  if (stderr && code === EXIT.done) return isClosed(stderr) ? EXIT.closedPipe : EXIT.output;
  return code;
}

/** What to say about standard output on standard error; null: nothing is wrong with it, or nobody wants to know. */
export function outputProblem(): string | null {
  const { stdout } = failures;
  return stdout && !isClosed(stdout) ? `error: standard output could not be written: ${reasonOf(stdout)}` : null;
}

/** Nobody reads any more. */
export function isClosed(error: Failure): boolean {
  return error.code === "EPIPE" || error.code === "ECONNRESET";
}

const REASONS: Record<string, string> = {
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file may not grow any further",
  EIO: "input/output error (a terminal that is gone, a broken disk)",
  EPIPE: "nobody reads it any more",
};

export function reasonOf(error: Failure): string {
  const reason = REASONS[error.code ?? ""];
  return reason === undefined ? error.message : `${reason} (${error.code})`;
}

interface FileStream extends Writable {
  fd: number;
}

/** Neither a terminal nor a pipe or socket: Node writes to those by itself until everything is written. */
function isFile(stream: object): stream is FileStream {
  return stream.constructor.name === "SyncWriteStream";
}

/** Node writes to a file once and forgets what had no room: a disk that fills up would cut the output, and nobody would know. */
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
