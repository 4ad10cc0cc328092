/**
 * Combines concurrent calls. While `lanes` batches are under way, further calls gather; they leave
 * together once a lane is free. A call alone leaves at once, so batching adds no latency without
 * load. There are no timers.
 */
export class Batcher<T, R> {
  private waiting: Array<{ item: T; resolve: (result: R) => void; reject: (error: unknown) => void }> = [];
  private underWay = 0;
  private scheduled = false;

  /**
   * @param run resolves to one result for each item, in order; if it rejects, every call of the
   * batch rejects
   * @param options.size most items in a batch
   * @param options.lanes batches under way at once
   * @param options.failsAll whether an error also concerns the waiting calls, which are then
   * rejected at once
   */
  constructor(
    private readonly run: (items: T[]) => Promise<R[]>,
    private readonly options: { size: number; lanes: number; failsAll?: (error: unknown) => boolean },
  ) {}

  /** Number of waiting calls. */
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
    // Calls from the same turn of the event loop share a batch.
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
