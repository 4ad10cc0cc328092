import type { Channel, ConsumeMessage } from "amqplib";
import { Keys } from "../../dense-set";
import type { AckRound } from "./ack-round";

/**
 * The deliveries of one channel that are not settled at the broker yet.
 *
 * While the broker may still deliver, acks wait a moment for those of the connection's other channels. Once it has sent half of what
 * it may, they go out with the turn of the event loop. Either way those of one channel are one frame where nothing older is
 * open. It saves work, and it saves acks: the broker's side of a quorum queue holds acks back once 32 are under way, and forgets
 * them when the channel closes.
 */
const MANY = 24;
const SETTLE_MS = 100;
const SETTLE_MANY_MS = 500;

export class Acks {
  /** Their tags. */
  private readonly open = new Keys<number>();
  private waiting: ConsumeMessage[] = [];
  private scheduled = false;
  /** When a frame was last sent, by performance.now(), and how many went before it without a pause. */
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

  /** Milliseconds from now by which the broker should have written what was settled. An estimate: nothing confirms an ack. */
  get settling(): number {
    const needed = this.burst < MANY ? SETTLE_MS : SETTLE_MANY_MS;
    return Math.max(0, this.sentAt + needed - performance.now());
  }

  private send(frame: () => void): void {
    const now = performance.now();
    this.burst = now - this.sentAt < SETTLE_MANY_MS ? this.burst + 1 : 1;
    this.sentAt = now;
    try {
      frame();
    } catch {
      // The channel is closing: the broker gives the deliveries back.
    }
  }
}
