import type { ConsumeMessage } from "amqplib";
import { type Backoff, backoffMs } from "../../backoff";
import type { Log } from "../../log";
import type { Consumption, Subscription } from "../transport";
import { BrokerConsumer, type ConsumerEvents, type ParkedDelivery } from "./broker-consumer";
import type { Link, Watcher } from "./connection";
import type { ConsumerChannels } from "./consumer-channels";
import type { Session } from "./session";
import { replyCode } from "./words";

export interface ConsumerHooks {
  /** Publishes to the parking queue, then acks. Never throws. */
  park(message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void;
  /** The queue is not there, or was deleted under the consumer: declares it again if it is ours. */
  doubt(): Promise<void>;
  /** Stopped, and nothing is unacked. */
  ended(consumption: AmqpConsumption): void;
}

const RETRY: Backoff = { firstMs: 200, factor: 2, maxMs: 10_000 };

/** Where to consume. */
export interface ConsumerPlace {
  link: Link;
  channels: ConsumerChannels;
}

/**
 * One subscription, kept alive on a channel that it shares with others of the connection.
 *
 *   goal running ⇄ paused ──▶ stopped
 *
 * `pursue` brings the broker's side in line with the goal, one step at a time, and again after each
 * event: connection ready, channel closed, consumer cancelled, goal changed.
 */
export class AmqpConsumption implements Consumption, Watcher, ConsumerEvents {
  private goal: "running" | "paused" | "stopped" = "running";
  private consumer: BrokerConsumer | null = null;
  private working: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private tries = 0;
  /** The queue was consumed from on this session, and has given no cause for doubt since. */
  private proven = false;

  constructor(
    private readonly place: ConsumerPlace,
    private readonly queue: string,
    private readonly subscription: Subscription,
    private readonly hooks: ConsumerHooks,
    private readonly log: Log,
  ) {
    place.link.watch(this);
  }

  ready(): void {
    if (this.goal === "running") this.again(0);
  }

  lost(): void {
    this.proven = false;
    void this.consumer?.leave();
    this.drop();
  }

  /** The first try. Resolves whether it succeeded or goes on in the background. */
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

  /** The transport closes: sends what was acked, gives back the rest. */
  async end(): Promise<void> {
    this.goal = "stopped";
    if (this.timer) clearTimeout(this.timer);
    await this.consumer?.leave();
  }

  park(message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void {
    this.hooks.park(message, reason, delivery);
  }

  drained(): void {
    if (this.goal === "stopped") void this.work();
  }

  cancelled(): void {
    this.log.warn(
      { queue: this.queue },
      "The broker ended the consumer (the queue was deleted, or acks took too long); it starts anew.",
    );
    if (this.goal === "stopped") return void this.work();
    this.suspect();
    const tries = this.tries++;
    void this.hooks.doubt().finally(() => this.again(tries));
  }

  closed(reason: string | null, members: number): void {
    this.drop();
    if (!this.place.link.session?.alive || this.goal === "stopped") return;
    if (reason !== null) {
      const more = members > 1 ? ` (and from ${members - 1} more)` : "";
      this.log.warn({ queue: this.queue }, `Consuming${more} was interrupted and starts anew: ${reason}`);
    }
    if (!this.working) this.again(this.tries++);
  }

  threw(error: unknown): void {
    this.log.error({ queue: this.queue, err: error }, "The receiver of a message threw; the message stays unacked.");
  }

  /** Waits for what is under way, then for what the goal still needs. */
  private async reach(): Promise<void> {
    await this.working;
    await this.work();
  }

  private work(): Promise<void> {
    this.working ??= this.pursue().finally(() => {
      this.working = null;
    });
    return this.working;
  }

  private async pursue(): Promise<void> {
    try {
      while (await this.step());
    } catch (error) {
      if (this.goal === "running") await this.failed(error as Error);
    }
  }

  /** One step towards the goal; false when there is nothing left to do now. */
  private async step(): Promise<boolean> {
    const consumer = this.consumer?.alive ? this.consumer : null;
    if (this.goal === "running") {
      const { session } = this.place.link;
      if (!session || consumer?.consuming) return false;
      if (consumer) await this.consume(consumer, session);
      else {
        this.consumer = await this.place.channels.place(
          session,
          (channel) => new BrokerConsumer(channel, this.subscription, this),
        );
      }
      return true;
    }
    if (consumer?.consuming) {
      await consumer.cancel();
      return true;
    }
    if (this.goal === "stopped" && (!consumer || consumer.held === 0)) {
      await consumer?.leave();
      this.over();
    }
    return false;
  }

  private async consume(consumer: BrokerConsumer, session: Session): Promise<void> {
    if (!this.proven) await this.place.channels.prove(session, this.queue);
    await consumer.consume(this.queue);
    if (!consumer.consuming) return;
    if (this.tries > 0) this.log.info({ queue: this.queue }, "Consuming again.");
    this.proven = true;
    this.tries = 0;
  }

  private async failed(error: Error): Promise<void> {
    // Without a session there is nothing to wait for but the next one.
    if (!this.place.link.session) return;
    if (replyCode(error) !== 0) this.suspect();
    if (this.tries === 0)
      this.log.warn({ queue: this.queue }, `Consuming is not possible yet and is tried again: ${error.message}`);
    await this.hooks.doubt();
    this.again(this.tries++);
  }

  private suspect(): void {
    const { link, channels } = this.place;
    this.proven = false;
    if (link.session) channels.beWary(link.session);
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

  /** The channel is gone, and with it whatever was held. */
  private drop(): void {
    this.consumer = null;
    if (this.goal === "stopped" && !this.working) this.over();
  }

  private over(): void {
    if (this.timer) clearTimeout(this.timer);
    this.place.link.unwatch(this);
    this.hooks.ended(this);
  }
}
