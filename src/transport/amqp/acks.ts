import type { Channel, ConsumeMessage } from "amqplib";
import type { AckRound } from "./ack-round";

/** Frames in a row that the broker writes within WRITTEN_MS; more of them take WRITTEN_MANY_MS. */
const MANY = 24;
const WRITTEN_MS = 100;
const WRITTEN_MANY_MS = 500;

/**
 * The unacked deliveries of one channel.
 *
 * While the broker may still deliver, acks wait a moment for those of the connection's other
 * channels. Once it has sent half of what it may, they go out with the turn of the event loop.
 * Either way those of one channel are one frame where nothing older is open. It saves work, and it
 * saves acks: the broker's side of a quorum queue holds acks back once 32 are under way, and
 * forgets them when the channel closes.
 */
export class Acks {
  /** Their tags. */
  private readonly open = new Set<number>();
  private waiting: ConsumeMessage[] = [];
  private scheduled = false;
  /** When a frame was last sent (monotonic milliseconds), and how many followed without a pause. */
  private sentAt = Number.NEGATIVE_INFINITY;
  private burst = 0;

  /** @param prefetch deliveries that the broker sends at most before it has an ack */
  constructor(
    private readonly channel: Channel,
    private readonly prefetch: number,
    private readonly round: AckRound,
  ) {}

  /** Deliveries that the receiver still holds. */
  get held(): number {
    return this.open.size;
  }

  add(message: ConsumeMessage): void {
    this.open.add(message.fields.deliveryTag);
  }

  ack(message: ConsumeMessage): void {
    if (!this.open.delete(message.fields.deliveryTag)) return;
    this.waiting.push(message);
    if (this.scheduled) return;
    if (2 * (this.open.size + this.waiting.length) >= this.prefetch) {
      this.scheduled = true;
      setImmediate(() => this.flush());
    } else if (this.waiting.length === 1) this.round.add(this);
  }

  giveBack(message: ConsumeMessage): void {
    this.open.delete(message.fields.deliveryTag);
    this.send(() => this.channel.nack(message, false, true));
  }

  /** Hands what was acked to the connection now. */
  flush(): void {
    this.scheduled = false;
    const acked = this.waiting;
    if (acked.length === 0) return;
    this.waiting = [];
    let oldestOpen = Number.POSITIVE_INFINITY;
    for (const tag of this.open) oldestOpen = Math.min(oldestOpen, tag);
    let upTo: ConsumeMessage | null = null;
    for (const message of acked) {
      const tag = message.fields.deliveryTag;
      if (tag > oldestOpen) this.send(() => this.channel.ack(message));
      else if (!upTo || tag > upTo.fields.deliveryTag) upTo = message;
    }
    const last = upTo;
    if (last) this.send(() => this.channel.ack(last, true));
  }

  /** Milliseconds until the broker should have written what was sent: nothing confirms an ack. */
  get unwrittenMs(): number {
    const needed = this.burst < MANY ? WRITTEN_MS : WRITTEN_MANY_MS;
    return Math.max(0, this.sentAt + needed - performance.now());
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
