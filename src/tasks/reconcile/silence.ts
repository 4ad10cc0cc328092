import type { Heartbeat } from "../../store/store";

/**
 * Finds managers that have sent no heartbeat for their time to live. It trusts no clock of the
 * database, which may make a step at any moment, but what this process has seen: the same heartbeat
 * at each look for that long by its own monotonic clock.
 *
 * Between two looks that lie far apart this process or the database stood still, and maybe the
 * managers too. Such a gap counts as a third of the time to live at most; who lives is heard in the
 * rest.
 */
export class Silence {
  /** Time until the next silent manager exceeds its time to live. */
  leftMs = Number.POSITIVE_INFINITY;
  private heard = new Map<string, { at: string; silentMs: number }>();
  private lookedAt: number | null = null;

  /** No heartbeat could arrive: measure all of them from now. */
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
    const before = this.heard;
    this.heard = new Map();
    return heartbeats.filter(({ managerId, at, ttlMs }) => {
      const last = before.get(managerId);
      const silentMs = last?.at === at ? last.silentMs + Math.min(passed, ttlMs / 3) : 0;
      this.heard.set(managerId, { at, silentMs });
      this.leftMs = Math.min(this.leftMs, ttlMs - silentMs);
      return silentMs >= ttlMs;
    });
  }
}
