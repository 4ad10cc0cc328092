import { TaskerError } from "../../errors";
import type { Value } from "./connection";

/**
 * An upper bound of the bytes that values take in a statement's text. It takes a UTF-16 unit for
 * three bytes, which escaping does not exceed.
 */
function roughBytes(values: readonly Value[]): number {
  let sum = 0;
  for (const value of values)
    sum += typeof value === "string" ? value.length * 3 + 3 : value instanceof Buffer ? value.length * 2 + 3 : 24;
  return sum;
}

/** The characters that the driver may escape, each as two bytes. */
const ESCAPED = /["'\\\p{Cc}]/gu;

function exactBytes(values: readonly Value[]): number {
  let sum = 0;
  for (const value of values) {
    if (typeof value === "string") sum += Buffer.byteLength(value) + (value.match(ESCAPED)?.length ?? 0) + 4;
    else sum += roughBytes([value]) + 1;
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

/** Cuts rows into runs of one statement each. `tooLarge`: rows that fit into no statement. */
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
