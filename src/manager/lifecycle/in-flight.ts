/** Counts what is under way, and waits until there is nothing. */
export class InFlight {
  private waiters: Array<() => void> = [];
  private current = 0;

  get count(): number {
    return this.current;
  }

  up(): void {
    this.current++;
  }

  down(): void {
    if (--this.current === 0) for (const resolve of this.waiters.splice(0)) resolve();
  }

  /** Resolves when nothing is under way. */
  zero(): Promise<void> {
    if (this.current === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }
}
