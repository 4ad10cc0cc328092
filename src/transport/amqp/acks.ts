import type { Channel, ConsumeMessage } from "amqplib";

/**
 * The deliveries of one channel that are not settled at the broker yet.
 *
 * Acks of one turn of the event loop go out together, as one frame where nothing older is open. It saves work, and it saves
 * acks: the broker's side of a quorum queue holds acks back once 32 are under way, and forgets them when the channel closes.
 */
export class Acks {
  private readonly open = new Map<number, ConsumeMessage>();
  private waiting: ConsumeMessage[] = [];
  private scheduled = false;
  /** When something was last settled, by performance.now(). */
  settledAt = 0;

  constructor(private readonly channel: Channel) {}

  /** Deliveries that the receiver still holds. */
  get held(): number {
    return this.open.size;
  }

  add(message: ConsumeMessage): void {
    this.open.set(message.fields.deliveryTag, message);
  }

  ack(message: ConsumeMessage): void {
    if (!this.open.delete(message.fields.deliveryTag)) return;
    this.waiting.push(message);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
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
    for (const tag of this.open.keys()) oldestOpen = Math.min(oldestOpen, tag);
    let upTo: ConsumeMessage | null = null;
    for (const message of acked) {
      const tag = message.fields.deliveryTag;
      if (tag > oldestOpen) this.send(() => this.channel.ack(message));
      else if (!upTo || tag > upTo.fields.deliveryTag) upTo = message;
    }
    const last = upTo;
    if (last) this.send(() => this.channel.ack(last, true));
  }

  private send(frame: () => void): void {
    this.settledAt = performance.now();
    try {
      frame();
    } catch {
      // The channel is closing: the broker gives the deliveries back.
    }
  }
}
