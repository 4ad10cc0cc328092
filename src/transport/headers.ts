/** Header names of our own (docs/wire.md). */
export const SCHEMA_HEADER = "x-tasker-schema";
export const PARKED_REASON = "x-tasker-reason";
export const PARKED_FROM = "x-tasker-queue";
export const PARKED_AT = "x-tasker-parked-at";

/** Longest reason kept with a parked message, characters. */
const MAX_REASON = 500;

/** Headers of a parked message: its own, and why, whence and when it was parked. */
export function parkedHeaders(own: Record<string, unknown>, reason: string, queue: string): Record<string, unknown> {
  return {
    ...own,
    [PARKED_REASON]: reason.slice(0, MAX_REASON),
    [PARKED_FROM]: queue,
    [PARKED_AT]: new Date().toISOString(),
  };
}

/** Throws RangeError: an unbounded prefetch would take the whole queue into one process. */
export function checkPrefetch(prefetch: number): void {
  if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > 300) {
    throw new RangeError(`prefetch must be a whole number from 1 to 300; it is ${prefetch}`);
  }
}
