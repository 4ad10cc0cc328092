/** A call is abandoned at most this long after its deadline. */
const LOOK_EVERY_MS = 50;

interface Watched {
  until: number;
  abandon: () => void;
}

/**
 * Deadlines of many calls, kept by one interval instead of a timer each: nearly every call ends
 * long before its own. It runs while there are calls, and stops at the first look that finds none.
 */
export class Deadlines {
  private readonly watched = new Set<Watched>();
  private timer: NodeJS.Timeout | null = null;

  /** @param until monotonic milliseconds. Returns the function that ends the watch. */
  watch(until: number, abandon: () => void): () => void {
    const call = { until, abandon };
    this.watched.add(call);
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS);
    return () => this.watched.delete(call);
  }

  private look(): void {
    const now = performance.now();
    // One that another's end has ended is in the set no more, and is not visited.
    for (const call of this.watched) {
      if (call.until > now) continue;
      this.watched.delete(call);
      call.abandon();
    }
    if (this.watched.size > 0 || !this.timer) return;
    clearInterval(this.timer);
    this.timer = null;
  }
}
