/** What the leading reconciler does in each round; reconcile.ts calls its duties in order. */
export interface Duty {
  /**
   * Does what is to be done now; true: there is more. Rejects when the database is away.
   *
   * @param now monotonic milliseconds
   * @param busy an earlier duty of this round has more to do
   */
  work(now: number, busy: boolean): Promise<boolean>;
  /** Another process leads. */
  resign?(): void;
  /** A round has failed; the database may have been unavailable to managers too. */
  failed?(): void;
  /** Resolves when nothing is under way in the background. */
  idle?(): Promise<void>;
}

/** Lets something happen once in a period. */
export class Every {
  private last = Number.NEGATIVE_INFINITY;

  /** Whether `ms` have passed since it last said so. @param now monotonic milliseconds */
  due(now: number, ms: number): boolean {
    if (now - this.last < ms) return false;
    this.last = now;
    return true;
  }

  /** Due at the next look. */
  hurry(): void {
    this.last = Number.NEGATIVE_INFINITY;
  }
}
