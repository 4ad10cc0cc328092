import type { ConsumeMessage } from "amqplib";
import { type Backoff, backoffMs } from "../../backoff";
import type { Log } from "../../log";
import type { Consumption, Subscription } from "../transport";
import type { Link, Watcher } from "./connection";
import { ConsumerChannel, type ConsumerChannelEvents, type ParkedDelivery } from "./consumer-channel";
import type { Session } from "./session";

export interface ConsumerHooks {
  /** Publishes to the parking queue, then acks. Never throws. */
  park(message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void;
  /** The queue is not there, or was deleted under the consumer: declares it again if it is ours. */
  doubt(): Promise<void>;
  /** Stopped, and nothing is unacked. */
  ended(consumption: AmqpConsumption): void;
}

const RETRY: Backoff = { firstMs: 200, factor: 2, maxMs: 10_000 };

/**
 * One subscription, kept alive on a channel of its own.
 *
 *   goal running ⇄ paused ──▶ stopped
 *
 * `pursue` brings the broker's side in line with the goal, one step at a time, and again after each
 * event: connection ready, channel closed, consumer cancelled, goal changed.
 */
export class AmqpConsumption implements Consumption, Watcher, ConsumerChannelEvents {
  private goal: "running" | "paused" | "stopped" = "running";
  private channel: ConsumerChannel | null = null;
  private working: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private tries = 0;

  constructor(
    private readonly link: Link,
    private readonly queue: string,
    private readonly subscription: Subscription,
    private readonly hooks: ConsumerHooks,
    private readonly log: Log,
  ) {
    link.watch(this);
  }

  ready(): void {
    if (this.goal === "running") this.again(0);
  }

  lost(session: Session): void {
    if (this.channel?.session === session) this.drop(this.channel);
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
    const channel = this.channel;
    this.channel = null;
    if (channel?.alive) await channel.close();
  }

  park(message: ConsumeMessage, reason: string, delivery: ParkedDelivery): void {
    this.hooks.park(message, reason, delivery);
  }

  drained(): void {
    if (this.goal === "stopped") void this.work();
  }

  cancelled(channel: ConsumerChannel): void {
    this.log.warn(
      { queue: this.queue },
      "The broker ended the consumer (the queue was deleted, or acks took too long); it starts anew.",
    );
    this.drop(channel);
    void channel.close();
    if (this.goal === "stopped") return;
    const tries = this.tries++;
    void this.hooks.doubt().finally(() => this.again(tries));
  }

  closed(channel: ConsumerChannel, reason: string): void {
    this.drop(channel);
    if (!channel.session.alive || this.goal === "stopped") return;
    this.log.warn({ queue: this.queue }, `Consuming was interrupted and starts anew: ${reason}`);
    this.again(this.tries++);
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
    const channel = this.channel?.alive ? this.channel : null;
    if (this.goal === "running") {
      const { session } = this.link;
      if (!session || channel?.consuming) return false;
      if (channel) await this.consume(channel);
      else this.channel = await ConsumerChannel.open(session, this.subscription, this);
      return true;
    }
    if (channel?.consuming) {
      await channel.cancel();
      return true;
    }
    if (this.goal === "stopped" && (!channel || channel.held === 0)) {
      this.channel = null;
      await channel?.close();
      this.over();
    }
    return false;
  }

  private async consume(channel: ConsumerChannel): Promise<void> {
    await channel.consume(this.queue);
    if (this.tries > 0) this.log.info({ queue: this.queue }, "Consuming again.");
    this.tries = 0;
  }

  private async failed(error: Error): Promise<void> {
    const channel = this.channel;
    if (channel) {
      this.drop(channel);
      await channel.close();
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

  private drop(channel: ConsumerChannel): void {
    channel.die();
    if (this.channel === channel) this.channel = null;
    if (this.goal === "stopped") this.over();
  }

  private over(): void {
    if (this.timer) clearTimeout(this.timer);
    this.link.unwatch(this);
    this.hooks.ended(this);
  }
}
