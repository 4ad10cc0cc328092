import { isUtf8 } from "node:buffer";
import type { ConsumeMessage } from "amqplib";
import type { Delivery, Subscription } from "../transport";
import type { Share } from "./acks";
import type { ChannelMember, ConsumerChannel } from "./consumer-channel";

/** A delivery that is being parked. */
export interface ParkedDelivery {
  /** It can still be acked. */
  pending(): boolean;
  ack(): void;
}

export interface ConsumerEvents {
  /** Publishes to the parking queue, then acks. Never throws. */
  park(message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void;
  /** The last unacked delivery was acked or given back. */
  drained(): void;
  /** The broker ended the consumer: the queue is gone. What is unacked can still be acked. */
  cancelled(): void;
  /** The channel is gone. One of its consumers is told the reason, and how many they were. */
  closed(reason: string | null, members: number): void;
  /** The receiver broke its contract and threw. The delivery stays unacked. */
  threw(error: unknown): void;
}

/**
 * One subscription's part in a channel: its consumer, one after the other, and its unacked
 * deliveries. Acks for a channel that is gone are dropped: the broker has given those deliveries
 * back already.
 */
export class BrokerConsumer implements ChannelMember, Share {
  readonly prefetch: number;
  held = 0;
  waiting = 0;
  consuming = false;
  private joined = true;
  /** The consumer that may deliver to the caller; null while there is none. */
  private tag: string | null = null;

  constructor(
    private readonly channel: ConsumerChannel,
    private readonly subscription: Subscription,
    private readonly events: ConsumerEvents,
  ) {
    this.prefetch = subscription.prefetch;
    channel.join(this);
  }

  get alive(): boolean {
    return this.joined && this.channel.alive;
  }

  /** Without effect where the channel is gone by its turn. */
  async consume(queue: string): Promise<void> {
    await this.channel.consume(queue, this, (tag) => {
      this.tag = tag;
    });
    this.consuming = this.tag !== null;
  }

  async cancel(): Promise<void> {
    const tag = this.tag!;
    this.ended();
    await this.channel.cancel(tag);
  }

  /** From now on nothing is delivered, and acks are dropped. */
  async leave(): Promise<void> {
    this.joined = false;
    this.ended();
    await this.channel.leave(this);
  }

  closed(reason: string | null, members: number): void {
    this.joined = false;
    this.ended();
    this.events.closed(reason, members);
  }

  receive(tag: string, message: ConsumeMessage | null): void {
    if (!this.alive) return;
    if (this.tag !== tag) {
      if (message) this.channel.acks.giveBack(message, null);
    } else if (message) this.accept(message);
    else {
      this.ended();
      this.channel.forget(tag);
      this.events.cancelled();
    }
  }

  private ended(): void {
    this.tag = null;
    this.consuming = false;
  }

  private accept(message: ConsumeMessage): void {
    this.channel.acks.add(message, this);
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
    const { acks } = this.channel;
    const end = (how: () => void) => {
      state = "done";
      if (!this.alive) return;
      how();
      if (this.held === 0) this.events.drained();
    };
    const ack = () => acks.ack(message, this);
    return {
      body: message.content.toString("utf8"),
      messageId: message.properties.messageId ?? null,
      author: message.properties.userId ?? null,
      replyTo: message.properties.replyTo ?? null,
      correlationId: message.properties.correlationId ?? null,
      redelivered: message.fields.redelivered,
      headers: { ...message.properties.headers },
      ack: () => {
        if (state === "open") end(ack);
      },
      release: () => {
        if (state === "open") end(() => acks.giveBack(message, this));
      },
      park: (reason) => {
        if (state !== "open") return;
        state = "parking";
        this.events.park(message, reason, { pending: () => this.alive, ack: () => end(ack) });
      },
    };
  }
}
