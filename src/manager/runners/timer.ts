const LONGEST = 2 ** 31 - 1;

/** A delay that setTimeout can hold: it takes a longer one (25 days and up) for none at all. */
export function timerMs(ms: number): number {
  return Math.min(LONGEST, Math.max(0, ms));
}
