import { isUtf8 } from "node:buffer";
import type { Channel, ConsumeMessage } from "amqplib";
import { pause } from "../../backoff";
import type { Delivery, Subscription } from "../transport";
import { Acks } from "./acks";
import type { Session } from "./session";

/** A delivery that is being parked. */
export interface ParkedDelivery {
  /** It can still be acked. */
  pending(): boolean;
  ack(): void;
}

export interface ConsumerChannelEvents {
  /** Publishes to the parking queue, then acks. Never throws. */
  park(message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void;
  /** The last unacked delivery was acked or given back. */
  drained(): void;
  /** The broker cancelled the consumer: the queue is gone, or acks took too long. */
  cancelled(channel: ConsumerChannel): void;
  closed(channel: ConsumerChannel, reason: string): void;
  /** The receiver broke its contract and threw. The delivery stays unacked. */
  threw(error: unknown): void;
}

/** amqplib's own methods, left out of its types. */
interface ConsumerRegistry {
  registerConsumer(tag: string, callback: (message: ConsumeMessage | null) => void): void;
}

/**
 * One channel with one consumer. A consumer that the broker cancelled is never repaired in place;
 * its channel is replaced. Acks for a channel that is gone are dropped: the broker has given those
 * deliveries back already.
 */
export class ConsumerChannel {
  alive = true;
  /** The consumer that may deliver to the caller; null while there is none. */
  private tag: string | null = null;
  private consumers = 0;
  private readonly acks: Acks;

  private constructor(
    readonly session: Session,
    private readonly channel: Channel,
    private readonly subscription: Subscription,
    private readonly events: ConsumerChannelEvents,
  ) {
    this.acks = new Acks(channel, subscription.prefetch, session.acks);
  }

  static async open(
    session: Session,
    subscription: Subscription,
    events: ConsumerChannelEvents,
  ): Promise<ConsumerChannel> {
    let reason = "the broker closed the channel";
    const channel = await session.openChannel((error) => {
      reason = error.message;
    });
    const opened = new ConsumerChannel(session, channel, subscription, events);
    channel.on("close", () => {
      if (opened.alive) events.closed(opened, reason);
    });
    await session.rpc(channel.prefetch(subscription.prefetch), "setting the prefetch");
    return opened;
  }

  get consuming(): boolean {
    return this.tag !== null;
  }

  /** Unacked deliveries. */
  get held(): number {
    return this.acks.held;
  }

  async consume(queue: string): Promise<void> {
    // Chosen here and not by the broker: deliveries may arrive in the same moment as its answer.
    const tag = `tasker-${process.pid}-${++this.consumers}`;
    this.tag = tag;
    try {
      const consuming = this.channel.consume(queue, (message) => this.receive(tag, message), { consumerTag: tag });
      await this.session.rpc(consuming, `consuming from ${queue}`);
    } catch (error) {
      if (this.tag === tag) this.tag = null;
      throw error;
    }
  }

  async cancel(): Promise<void> {
    const tag = this.tag!;
    this.tag = null;
    try {
      await this.session.rpc(this.channel.cancel(tag), "cancelling a consumer");
      // A quorum queue may deliver after its cancel-ok (amqplib#641); amqplib would close the
      // channel over it, acks and all.
      const registry = this.channel as unknown as ConsumerRegistry;
      registry.registerConsumer(tag, (message) => this.receive(tag, message));
    } catch {
      // The channel or the session is gone, and the consumer with it.
    }
  }

  /** From now on nothing is delivered, and acks are dropped. */
  die(): void {
    this.alive = false;
    this.tag = null;
  }

  /**
   * Closes the channel; what is still held goes back to the queue. Its acks get a moment first:
   * closing the connection would overtake them in the channel's buffer, and closing the channel
   * makes a quorum queue forget those that it has not written yet.
   */
  async close(): Promise<void> {
    this.die();
    this.acks.flush();
    if (this.acks.unwrittenMs > 0 && this.session.alive) await pause(this.acks.unwrittenMs);
    await this.session.closeChannel(this.channel);
  }

  private receive(tag: string, message: ConsumeMessage | null): void {
    if (!this.alive) return;
    if (message === null) {
      if (this.tag === tag) this.events.cancelled(this);
    } else if (this.tag !== tag) this.acks.giveBack(message);
    else this.accept(message);
  }

  private accept(message: ConsumeMessage): void {
    this.acks.add(message);
    const delivery = this.deliveryOf(message);
    try {
      if (isUtf8(message.content)) this.subscription.onDelivery(delivery);
      else delivery.park("the body is not UTF-8 text");
    } catch (error) {
      // Thrown on, it would make amqplib close the channel, and all deliveries go back.
      this.events.threw(error);
    }
  }

  private deliveryOf(message: ConsumeMessage): Delivery {
    let state: "open" | "parking" | "done" = "open";
    const end = (how: () => void) => {
      state = "done";
      if (!this.alive) return;
      how();
      if (this.acks.held === 0) this.events.drained();
    };
    const ack = () => this.acks.ack(message);
    return {
      body: message.content.toString("utf8"),
      messageId: message.properties.messageId ?? null,
      redelivered: message.fields.redelivered,
      headers: { ...message.properties.headers },
      author: message.properties.userId ?? null,
      replyTo: message.properties.replyTo ?? null,
      correlationId: message.properties.correlationId ?? null,
      ack: () => {
        if (state === "open") end(ack);
      },
      release: () => {
        if (state === "open") end(() => this.acks.giveBack(message));
      },
      park: (reason) => {
        if (state !== "open") return;
        state = "parking";
        this.events.park(message, reason, { pending: () => this.alive, ack: () => end(ack) });
      },
    };
  }
}
