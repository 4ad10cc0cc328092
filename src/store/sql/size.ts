import { TaskerError } from "../../errors";
import type { Value } from "./connection";

/**
 * An upper bound of what values take in a statement's text. Escaping doubles a byte at most, and a UTF-16 unit is three
 * bytes at most, so the cheap bound is length × 3; only what comes near the limit is measured.
 */
export function roughBytes(values: readonly Value[]): number {
  let sum = 0;
  for (const value of values)
    sum += typeof value === "string" ? value.length * 3 + 3 : value instanceof Buffer ? value.length * 2 + 3 : 24;
  return sum;
}

// All that the driver may write as two bytes, and a few control characters more.
const ESCAPED = /["'\\\p{Cc}]/gu;

export function exactBytes(values: readonly Value[]): number {
  let sum = 0;
  for (const value of values) {
    if (typeof value === "string") sum += Buffer.byteLength(value) + (value.match(ESCAPED)?.length ?? 0) + 4;
    else sum += value instanceof Buffer ? value.length * 2 + 4 : 24;
  }
  return sum;
}

export class TooLarge extends TaskerError {
  constructor(bytes: number, limit: number) {
    super(
      "body_too_large",
      `The row takes ${bytes} bytes and the database accepts ${limit} in one statement: send less, or raise the server's max_allowed_packet.`,
    );
    this.name = "TooLarge";
  }
}

/** Rows cut into runs that fit into one statement each, and those that fit into none, with the reason. */
export function fitting<T>(
  rows: readonly T[],
  valuesOf: (row: T) => readonly Value[],
  limit: number,
): { runs: T[][]; tooLarge: Array<{ row: T; error: TooLarge }> } {
  const runs: T[][] = [];
  const tooLarge: Array<{ row: T; error: TooLarge }> = [];
  let run: T[] = [];
  let sum = 0;
  for (const row of rows) {
    let bytes = roughBytes(valuesOf(row)) + 256;
    if (bytes > limit / 8) bytes = exactBytes(valuesOf(row)) + 256;
    if (bytes > limit) {
      tooLarge.push({ row, error: new TooLarge(bytes, limit) });
      continue;
    }
    if (sum + bytes > limit && run.length > 0) {
      runs.push(run);
      run = [];
      sum = 0;
    }
    run.push(row);
    sum += bytes;
  }
  if (run.length > 0) runs.push(run);
  return { runs, tooLarge };
}
