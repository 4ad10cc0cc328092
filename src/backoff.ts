import { setTimeout as sleep } from "node:timers/promises";

/**
 * Pauses between tries, in milliseconds. They grow from `firstMs` by `factor` to at most `maxMs`.
 */
export interface Backoff {
  firstMs: number;
  factor: number;
  maxMs: number;
}

/**
 * Milliseconds to wait after a number of failures in a row (1: the first). The full delay is `first
 * × factor^(failures − 1)`, at most `max`. Half of it is random, so that callers that failed
 * together do not return together.
 *
 * @param random 0 ≤ random < 1
 */
export function backoffMs(failures: number, backoff: Backoff, random: number = Math.random()): number {
  const grown = backoff.firstMs * backoff.factor ** (Math.max(1, failures) - 1);
  const full = Math.min(Number.isFinite(grown) ? grown : backoff.maxMs, backoff.maxMs);
  return Math.round(full / 2 + (full / 2) * random);
}

/** For a store or broker that is unavailable: 0.1 s, doubling up to 1 s. */
export const RECONNECT: Backoff = { firstMs: 100, factor: 2, maxMs: 1000 };

/** Node treats a longer delay (25 days and more) as none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Resolves after `ms` (monotonic), or at once when `signal` aborts; the caller checks the signal.
 * `ref: false` lets the process end meanwhile.
 */
export async function pause(ms: number, signal?: AbortSignal, { ref = true } = {}): Promise<void> {
  await sleep(Math.min(ms, MAX_TIMER_MS), undefined, { signal, ref }).catch(() => {});
}
