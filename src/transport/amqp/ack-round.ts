const GATHER_MS = 10;

interface Waiting {
  /** Sends what waits, if anything still does. */
  flush(): void;
}

/**
 * The acks of all channels of one connection, as far as nobody waits for them, in one packet.
 *
 * A manager for many endpoints has a channel for each, and one task to all of them is one delivery
 * on each: sent one by one, their acks would cost both sides as many packets. An ack that is a
 * little late costs nothing: a delivery that comes again meanwhile is refused by its claim.
 */
export class AckRound {
  private readonly due = new Set<Waiting>();

  /** @param together sends in one packet what is sent meanwhile */
  constructor(private readonly together: (send: () => void) => void) {}

  /** Flushes it within 10 ms. */
  add(waiting: Waiting): void {
    if (this.due.size === 0) setTimeout(() => this.send(), GATHER_MS);
    this.due.add(waiting);
  }

  private send(): void {
    const all = [...this.due];
    this.due.clear();
    this.together(() => {
      for (const waiting of all) waiting.flush();
    });
  }
}
