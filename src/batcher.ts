/**
 * Puts calls that are adjacent in time into one: while `lanes` batches are under way, further calls gather and go out
 * together when a lane is free. Alone, a call goes out at once: batching costs no latency where there is no load.
 * There are no timers here; the pace is that of `run` itself.
 */
export class Batcher<T, R> {
  private waiting: Array<{ item: T; resolve: (result: R) => void; reject: (error: unknown) => void }> = [];
  private underWay = 0;
  private scheduled = false;

  /**
   * @param run answers for each item, in the order given; where it rejects, every call of the batch rejects alike
   * @param options.size the most items in one batch
   * @param options.lanes batches under way at once
   * @param options.failsAll whether what made a batch reject is true of the calls that wait behind it as well; they are then
   *   rejected with it instead of waiting for the same in their turn
   */
  constructor(
    private readonly run: (items: T[]) => Promise<R[]>,
    private readonly options: { size: number; lanes: number; failsAll?: (error: unknown) => boolean },
  ) {}

  /** Calls gathered and not yet under way. */
  get pending(): number {
    return this.waiting.length;
  }

  add(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.underWay >= this.options.lanes || this.waiting.length === 0) return;
    this.scheduled = true;
    // One turn of the loop: what arrived in the same read of the sockets shares a batch even without load.
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    while (this.underWay < this.options.lanes && this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.options.size);
      this.underWay++;
      this.run(batch.map((entry) => entry.item))
        .then(
          (results) => batch.forEach((entry, i) => void entry.resolve(results[i]!)),
          (error) => {
            const waited = this.options.failsAll?.(error) ? this.waiting.splice(0) : [];
            for (const entry of [...batch, ...waited]) entry.reject(error);
          },
        )
        .finally(() => {
          this.underWay--;
          this.schedule();
        });
    }
  }
}
