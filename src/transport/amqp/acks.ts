import type { Channel, ConsumeMessage } from "amqplib";

/** Frames in a row that the broker writes within WRITTEN_MS; more of them take WRITTEN_MANY_MS. */
const MANY = 24;
const WRITTEN_MS = 100;
const WRITTEN_MANY_MS = 500;
const GATHER_MS = 10;

/** A consumer's share of a channel's unacked deliveries. */
export interface Share {
  /** Deliveries that the broker sends at most before it has an ack. */
  readonly prefetch: number;
  /** Deliveries that the receiver holds. */
  held: number;
  /** Acked, and not yet sent. */
  waiting: number;
}

/**
 * The unacked deliveries of one channel, which many consumers share.
 *
 * While the broker may still deliver to a consumer, its acks wait up to 10 ms for those of others.
 * Once it has sent half of what it may, they go out with the turn of the event loop. Either way all
 * that wait leave in one packet, and those below the oldest delivery that is held are one frame.
 * A delivery that is held for long holds no other ack back: what lies beyond is acked one by one.
 *
 * An ack that is a little late costs nothing: a delivery that comes again is refused by its claim.
 * Gathering saves work, and it saves acks: the broker's side of a quorum queue holds acks back once
 * 32 are under way, and forgets them when the channel closes.
 */
export class Acks {
  /** Tags of what is held. The broker counts them up, so that the first is the lowest. */
  private readonly open = new Set<number>();
  private acked: Array<[ConsumeMessage, Share]> = [];
  private gathering: NodeJS.Timeout | null = null;
  private leaving = false;
  /** When a frame was last sent (monotonic milliseconds), and how many followed without a pause. */
  private sentAt = Number.NEGATIVE_INFINITY;
  private burst = 0;

  /** @param together sends in one packet what is sent meanwhile */
  constructor(
    private readonly channel: Channel,
    private readonly together: (send: () => void) => void,
  ) {}

  add(message: ConsumeMessage, share: Share): void {
    this.open.add(message.fields.deliveryTag);
    share.held++;
  }

  ack(message: ConsumeMessage, share: Share): void {
    this.open.delete(message.fields.deliveryTag);
    share.held--;
    share.waiting++;
    this.acked.push([message, share]);
    if (this.leaving) return;
    if (2 * (share.held + share.waiting) >= share.prefetch) {
      this.leaving = true;
      setImmediate(() => this.flush());
    } else this.gathering ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  giveBack(message: ConsumeMessage, share: Share | null): void {
    this.open.delete(message.fields.deliveryTag);
    if (share) share.held--;
    this.send(() => this.channel.nack(message, false, true));
  }

  /** Hands what was acked to the connection now. */
  flush(): void {
    if (this.gathering) clearTimeout(this.gathering);
    this.gathering = null;
    this.leaving = false;
    const { acked } = this;
    if (acked.length === 0) return;
    this.acked = [];
    for (const [, share] of acked) share.waiting = 0;
    this.together(() => this.sendAll(acked.map(([message]) => message)));
  }

  /** Milliseconds until the broker should have written what was sent: nothing confirms an ack. */
  get unwrittenMs(): number {
    const needed = this.burst < MANY ? WRITTEN_MS : WRITTEN_MANY_MS;
    return Math.max(0, this.sentAt + needed - performance.now());
  }

  private sendAll(acked: ConsumeMessage[]): void {
    const [oldestHeld = Number.POSITIVE_INFINITY] = this.open;
    let upTo: ConsumeMessage | null = null;
    for (const message of acked) {
      const tag = message.fields.deliveryTag;
      if (tag > oldestHeld) this.send(() => this.channel.ack(message));
      else if (!upTo || tag > upTo.fields.deliveryTag) upTo = message;
    }
    const last = upTo;
    if (last) this.send(() => this.channel.ack(last, true));
  }

  private send(frame: () => void): void {
    const now = performance.now();
    this.burst = now - this.sentAt < WRITTEN_MANY_MS ? this.burst + 1 : 1;
    this.sentAt = now;
    try {
      frame();
    } catch {
      // The channel is closing: the broker gives the deliveries back.
    }
  }
}
