/** Resolves after `ms`; rejects with the signal's reason if it aborts first. */
export function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Milliseconds to wait after a number of failures in a row. Doubles from `firstMs` to `maxMs`; half
 * of it is random, so that clients that failed together do not return together.
 */
export function backoffMs(failures: number, firstMs: number, maxMs: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** (Math.max(1, failures) - 1));
  return full / 2 + (full / 2) * Math.random();
}

/** A UUIDv4. Browsers have randomUUID on secure pages only. */
export function randomId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
