import { StoreUnavailable } from "../../errors";

/** A write that went well says so long that the next one will. */
const GOOD_FOR_MS = 2000;
/**
 * A write that failed is believed for so long, whatever else goes well: a small one passes where a
 * large one finds no room.
 */
const BAD_FOR_MS = 5000;

/**
 * How the last writes went on one way to the database: that is its health. A read tells nothing of
 * it: a server that is read-only, locked or out of room or connections goes on answering.
 */
export class Writes {
  private goodAt = Number.NEGATIVE_INFINITY;
  private failed: { at: number; error: StoreUnavailable } | null = null;
  private trial: Promise<void> | null = null;
  private underWay = 0;
  /** Since when none of those under way has come back. */
  private waitingSince = 0;

  /** Runs a write and remembers how it went. */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    if (this.underWay++ === 0) this.waitingSince = began;
    try {
      const result = await work();
      this.wentWell(began);
      return result;
    } catch (error) {
      // All else is the fault of what was to be written.
      if (error instanceof StoreUnavailable) this.failed = { at: performance.now(), error };
      throw error;
    } finally {
      this.underWay--;
    }
  }

  private wentWell(began: number): void {
    this.goodAt = performance.now();
    this.waitingSince = this.goodAt;
    // One from before a failure does not make up for it.
    if (this.failed !== null && this.failed.at <= began) this.failed = null;
  }

  /**
   * Resolves where the last write went well a moment ago, rejects with its error where it failed.
   * Where none tells it, `attempt` is made, once for all who ask meanwhile: a write, or anything
   * else that shows whether writes have a chance.
   */
  async check(attempt: () => Promise<unknown>): Promise<void> {
    const now = performance.now();
    if (this.failed !== null && now - this.failed.at < BAD_FOR_MS) throw this.failed.error;
    if (this.failed === null && now - this.goodAt < GOOD_FOR_MS) return;
    this.trial ??= attempt()
      .then(() => {})
      .finally(() => {
        this.trial = null;
      });
    await this.trial;
  }

  /** As `check`, by what was really written alone: a failure stands until a write goes well. */
  async checkWritten(otherwise: () => Promise<unknown>): Promise<void> {
    if (this.failed !== null) throw this.failed.error;
    const now = performance.now();
    if (this.underWay > 0 && now - this.waitingSince >= GOOD_FOR_MS)
      throw new StoreUnavailable("The database has been asked to write, and does not answer.");
    if (now - this.goodAt >= GOOD_FOR_MS) await otherwise();
  }
}
