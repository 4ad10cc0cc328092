import { StoreUnavailable } from "../../errors";

/** How long a successful write vouches for the next. */
const GOOD_FOR_MS = 2000;
/**
 * How long a failed write counts although others succeed: a small one fits where a large one does
 * not.
 */
const BAD_FOR_MS = 5000;

/**
 * The results of the latest writes through one pool, which are the database's health. Reads do not
 * count: they succeed on a server that is read-only, locked or out of space.
 */
export class Writes {
  private goodAt = Number.NEGATIVE_INFINITY;
  private failed: { at: number; error: StoreUnavailable } | null = null;
  private trial: Promise<unknown> | null = null;
  private underWay = 0;
  /** When a write under way last ended, or the first of them began. Monotonic milliseconds. */
  private waitingSince = 0;

  /** Runs a write and records its result. */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    if (this.underWay++ === 0) this.waitingSince = began;
    try {
      const result = await work();
      this.succeeded(began);
      return result;
    } catch (error) {
      // Any other error is about the data.
      if (error instanceof StoreUnavailable) this.failed = { at: performance.now(), error };
      throw error;
    } finally {
      this.underWay--;
    }
  }

  private succeeded(began: number): void {
    this.goodAt = performance.now();
    this.waitingSince = this.goodAt;
    // A write that began before the failure does not disprove it.
    if (this.failed !== null && this.failed.at <= began) this.failed = null;
  }

  /**
   * Rejects with the error of a recent failure; resolves after a recent success. Else runs
   * `attempt`, a write, once for all concurrent calls.
   */
  async check(attempt: () => Promise<unknown>): Promise<void> {
    const now = performance.now();
    if (this.failed !== null && now - this.failed.at < BAD_FOR_MS) throw this.failed.error;
    if (this.failed === null && now - this.goodAt < GOOD_FOR_MS) return;
    this.trial ??= attempt().finally(() => {
      this.trial = null;
    });
    await this.trial;
  }

  /** As `check`, without an own write: a failure counts until a write succeeds. */
  async checkWritten(read: () => Promise<unknown>): Promise<void> {
    if (this.failed !== null) throw this.failed.error;
    const now = performance.now();
    if (this.underWay > 0 && now - this.waitingSince >= GOOD_FOR_MS)
      throw new StoreUnavailable("The database does not answer writes.");
    if (now - this.goodAt >= GOOD_FOR_MS) await read();
  }
}
