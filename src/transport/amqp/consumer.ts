import { isUtf8 } from "node:buffer";
import type { Channel, ConsumeMessage } from "amqplib";
import { type Backoff, backoffMs, pause } from "../../backoff";
import type { Log } from "../../log";
import type { Consumption, Delivery, Subscription } from "../transport";
import { Acks } from "./acks";
import type { Link, Session, Watcher } from "./connection";

/**
 * One subscription, kept alive on a channel of its own.
 *
 *   goal running ⇄ paused ──▶ stopped
 *
 * `settle` brings the broker's side in line with the goal, one step at a time, and again after each event: connection ready,
 * channel closed, consumer cancelled, goal changed. A consumer that the broker cancelled (a null delivery: the queue is gone, or
 * a 4.3 ack timeout) is never repaired in place; its channel is replaced. Acks for a channel that is gone are dropped: the broker
 * has given those deliveries back already.
 */
export interface ConsumerHooks {
  /** Publishes to the parking queue and settles the delivery; never throws. */
  park(message: ConsumeMessage, reason: string, settle: ParkedDelivery): void;
  /** The queue is not there, or was deleted under the consumer: declare it again if it is ours. */
  doubt(): Promise<void>;
  /** Stopped and everything settled. */
  ended(): void;
}

export interface ParkedDelivery {
  /** The delivery can still be acked. */
  pending(): boolean;
  ack(): void;
}

/** amqplib's own methods, left out of its types. */
interface ConsumerRegistry {
  registerConsumer(tag: string, callback: (message: ConsumeMessage | null) => void): void;
}

interface Lane {
  session: Session;
  channel: Channel;
  /** The consumer that may deliver to the caller; null while cancelled. */
  tag: string | null;
  acks: Acks;
  alive: boolean;
}

const RETRY: Backoff = { firstMs: 200, factor: 2, maxMs: 10_000 };

let lastTag = 0;

export class AmqpConsumption implements Consumption, Watcher {
  private goal: "running" | "paused" | "stopped" = "running";
  private lane: Lane | null = null;
  private working: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private tries = 0;

  constructor(
    private readonly link: Link,
    private readonly queue: string,
    private readonly subscription: Subscription,
    private readonly log: Log,
    private readonly hooks: ConsumerHooks,
  ) {
    link.watch(this);
  }

  ready(): void {
    if (this.goal === "running") this.again(0);
  }

  lost(session: Session): void {
    if (this.lane?.session === session) this.dead(this.lane);
  }

  /** The first try; resolves whether it succeeded or goes on in the background. */
  start(): Promise<void> {
    return this.work();
  }

  async pause(): Promise<void> {
    if (this.goal === "running") this.goal = "paused";
    await this.reach();
  }

  async resume(): Promise<void> {
    if (this.goal === "paused") this.goal = "running";
    this.tries = 0;
    await this.reach();
  }

  async stop(): Promise<void> {
    this.goal = "stopped";
    await this.reach();
  }

  /** The transport closes: settles what was acked, gives back the rest. */
  async end(): Promise<void> {
    this.goal = "stopped";
    if (this.timer) clearTimeout(this.timer);
    const lane = this.lane;
    this.lane = null;
    if (!lane?.alive) return;
    lane.tag = null;
    await this.discard(lane);
  }

  /** Waits for what is under way, then for what the goal still needs. */
  private async reach(): Promise<void> {
    await this.working;
    await this.work();
  }

  private work(): Promise<void> {
    this.working ??= this.settle().finally(() => {
      this.working = null;
    });
    return this.working;
  }

  private async settle(): Promise<void> {
    try {
      while (await this.step());
    } catch (error) {
      if (this.goal === "running") await this.failed(error as Error);
    }
  }

  /** One step towards the goal; false when there is nothing left to do now. */
  private async step(): Promise<boolean> {
    const { session } = this.link;
    const lane = this.lane?.alive ? this.lane : null;
    if (this.goal === "running") {
      if (!session || lane?.tag) return false;
      if (lane) await this.subscribe(lane);
      else this.lane = await this.openLane(session);
      return true;
    }
    if (lane?.tag) {
      await this.cancel(lane, lane.tag);
      return true;
    }
    if (this.goal === "stopped" && (!lane || lane.acks.held === 0)) {
      this.lane = null;
      if (lane) await this.discard(lane);
      this.over();
    }
    return false;
  }

  private async openLane(session: Session): Promise<Lane> {
    let reason = "the broker closed the channel";
    const channel = await session.openChannel((error) => {
      reason = error.message;
    });
    const acks = new Acks(channel, this.subscription.prefetch, session.acks);
    const lane: Lane = { session, channel, tag: null, acks, alive: true };
    channel.on("close", () => {
      if (!lane.alive) return;
      this.dead(lane);
      if (!session.alive || this.goal === "stopped") return;
      this.log.warn({ queue: this.queue }, `Consuming was interrupted and starts anew: ${reason}`);
      this.again(this.tries++);
    });
    await session.rpc(channel.prefetch(this.subscription.prefetch), "setting the prefetch");
    return lane;
  }

  private async subscribe(lane: Lane): Promise<void> {
    // Chosen here and not by the broker: deliveries may arrive in the same moment as its answer.
    const tag = `tasker-${process.pid}-${++lastTag}`;
    lane.tag = tag;
    try {
      const consuming = lane.channel.consume(this.queue, (message) => this.receive(lane, tag, message), {
        consumerTag: tag,
      });
      await lane.session.rpc(consuming, `consuming from ${this.queue}`);
      if (this.tries > 0) this.log.info({ queue: this.queue }, "Consuming again.");
      this.tries = 0;
    } catch (error) {
      if (lane.tag === tag) lane.tag = null;
      throw error;
    }
  }

  private async cancel(lane: Lane, tag: string): Promise<void> {
    lane.tag = null;
    try {
      await lane.session.rpc(lane.channel.cancel(tag), "cancelling a consumer");
      // A quorum queue may deliver after its cancel-ok (amqplib#641); amqplib would close the channel over it, acks and all.
      const registry = lane.channel as unknown as ConsumerRegistry;
      registry.registerConsumer(tag, (message) => this.receive(lane, tag, message));
    } catch {
      // The channel or the session is gone, and the consumer with it.
    }
  }

  private receive(lane: Lane, tag: string, message: ConsumeMessage | null): void {
    if (message === null) this.cancelledByBroker(lane, tag);
    else if (lane.alive && lane.tag !== tag) lane.acks.giveBack(message);
    else if (lane.alive) this.accept(lane, message);
  }

  private accept(lane: Lane, message: ConsumeMessage): void {
    lane.acks.add(message);
    const delivery = this.deliveryOf(lane, message);
    try {
      if (isUtf8(message.content)) this.subscription.onDelivery(delivery);
      else delivery.park("the body is not UTF-8 text");
    } catch (error) {
      // Thrown on, it would make amqplib close the channel and give back everything that is being worked on.
      this.log.error({ queue: this.queue, err: error }, "The receiver of a message threw; the message stays unacked.");
    }
  }

  private deliveryOf(lane: Lane, message: ConsumeMessage): Delivery {
    let settled = false;
    const settle = (how: () => void) => {
      if (settled) return;
      settled = true;
      if (!lane.alive) return;
      how();
      if (this.goal === "stopped" && lane.acks.held === 0) void this.work();
    };
    const ack = () => settle(() => lane.acks.ack(message));
    let parking = false;
    return {
      body: message.content.toString("utf8"),
      messageId: message.properties.messageId ?? null,
      redelivered: message.fields.redelivered,
      headers: { ...message.properties.headers },
      ack: () => {
        if (!parking) ack();
      },
      release: () => {
        if (!parking) settle(() => lane.acks.giveBack(message));
      },
      park: (reason) => {
        if (settled || parking) return;
        parking = true;
        this.hooks.park(message, reason, { pending: () => !settled && lane.alive, ack });
      },
    };
  }

  private cancelledByBroker(lane: Lane, tag: string): void {
    if (lane.tag !== tag || !lane.alive) return;
    this.log.warn(
      { queue: this.queue },
      "The broker ended the consumer (the queue was deleted, or acks took too long); it starts anew.",
    );
    this.dead(lane);
    void this.discard(lane);
    if (this.goal !== "stopped") {
      const tries = this.tries++;
      void this.hooks.doubt().finally(() => this.again(tries));
    }
  }

  private async failed(error: Error): Promise<void> {
    const lane = this.lane;
    if (lane) {
      this.dead(lane);
      await this.discard(lane);
    }
    // Without a session there is nothing to wait for but the next one.
    if (!this.link.session) return;
    if (this.tries === 0)
      this.log.warn({ queue: this.queue }, `Consuming is not possible yet and is tried again: ${error.message}`);
    await this.hooks.doubt();
    this.again(this.tries++);
  }

  private again(tries: number): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(
      () => {
        this.timer = null;
        void this.reach();
      },
      tries === 0 ? 0 : backoffMs(tries, RETRY),
    );
  }

  private dead(lane: Lane): void {
    lane.alive = false;
    lane.tag = null;
    if (this.lane === lane) this.lane = null;
    if (this.goal === "stopped") this.over();
  }

  private over(): void {
    if (this.timer) clearTimeout(this.timer);
    this.link.unwatch(this);
    this.hooks.ended();
  }

  /**
   * Closes the channel; what is still held goes back to the queue. Its acks get a moment first: closing the connection would
   * overtake them in the channel's buffer, and closing the channel makes a quorum queue forget those it has not yet written.
   */
  private async discard(lane: Lane): Promise<void> {
    lane.alive = false;
    lane.acks.flush();
    if (lane.acks.settling > 0 && lane.session.alive) await pause(lane.acks.settling);
    await lane.session.closeChannel(lane.channel);
  }
}
