import type { Heartbeat } from "../../store/store";

interface Heard {
  at: string;
  silentMs: number;
}

/**
 * Who has sent no heartbeat for its time to live. No clock of the database says so, which may make a step at any moment, but what this
 * process has seen: the same heartbeat, look after look, for as long as that by its own monotonic clock.
 *
 * Between two looks that lie far apart this process or the database stood still, and maybe everybody else: only a part of that counts,
 * and whoever lives has the rest to be heard again.
 */
export class Silence {
  /** How long until somebody will have been silent for its time to live, if it stays so. */
  leftMs = Number.POSITIVE_INFINITY;
  private heard = new Map<string, Heard>();
  private lookedAt: number | null = null;

  /** Nobody could have been heard: all begin anew. */
  forget(): void {
    this.heard.clear();
    this.lookedAt = null;
    this.leftMs = Number.POSITIVE_INFINITY;
  }

  /** @param now monotonic milliseconds */
  of(heartbeats: readonly Heartbeat[], now: number): Heartbeat[] {
    const passed = this.lookedAt === null ? 0 : now - this.lookedAt;
    this.lookedAt = now;
    this.leftMs = Number.POSITIVE_INFINITY;
    const heard = new Map<string, Heard>();
    const silent = heartbeats.filter(({ managerId, at, ttlMs }) => {
      const before = this.heard.get(managerId);
      const silentMs = before?.at === at ? before.silentMs + Math.min(passed, ttlMs / 3) : 0;
      heard.set(managerId, { at, silentMs });
      this.leftMs = Math.min(this.leftMs, ttlMs - silentMs);
      return silentMs >= ttlMs;
    });
    this.heard = heard;
    return silent;
  }
}
