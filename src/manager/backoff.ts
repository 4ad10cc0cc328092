/** A type's waiting times between attempts, milliseconds. */
export interface Backoff {
  firstMs: number;
  factor: number;
  maxMs: number;
}

/**
 * Milliseconds to wait after the given failed attempt (1: the first). The full delay is `first × factor^(attempt − 1)`, at
 * most `max`; half of it is left to chance, so that endpoints that failed together do not come back together.
 *
 * @param random 0 ≤ random < 1
 */
export function backoffMs(attempt: number, backoff: Backoff, random: number = Math.random()): number {
  const grown = backoff.firstMs * backoff.factor ** (Math.max(1, attempt) - 1);
  const full = Math.min(Number.isFinite(grown) ? grown : backoff.maxMs, backoff.maxMs);
  return Math.round(full / 2 + (full / 2) * random);
}

/** Waiting time before the next try of something that is away (store, broker): 0.1 s, doubling up to 1 s. */
export const RECONNECT: Backoff = { firstMs: 100, factor: 2, maxMs: 1000 };

/** Resolves after `ms` (monotonic), or at once when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, Math.min(ms, 2 ** 31 - 1));
    signal?.addEventListener("abort", over, { once: true });
  });
}
