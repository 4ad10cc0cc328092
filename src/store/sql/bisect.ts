import type { Dialect } from "./connection";
import { TooLarge } from "./size";

/** A row that the database rejects, although each of its statements is valid. */
export class BadRow extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = "BadRow";
  }
}

/**
 * Runs a batch. If a row is bad, halves the batch until that row stands alone, and refuses it.
 * Throws errors that are not about a row (database away, a bug).
 */
export async function bisect<T>(
  dialect: Dialect,
  rows: readonly T[],
  attempt: (rows: readonly T[]) => Promise<void>,
  refuse: (row: T, error: Error) => void,
): Promise<void> {
  if (rows.length === 0) return;
  try {
    await attempt(rows);
  } catch (error) {
    if (!(error instanceof TooLarge || error instanceof BadRow) && !dialect.isBadRow(error)) throw error;
    if (rows.length === 1) return refuse(rows[0]!, error as Error);
    const middle = rows.length >> 1;
    await bisect(dialect, rows.slice(0, middle), attempt, refuse);
    await bisect(dialect, rows.slice(middle), attempt, refuse);
  }
}
