import type { TaskTypeConfig } from "../config/config";
import { TransportError } from "../errors";
import { decodeMessage, type TaskMessage, UnreadableMessage } from "../model/message";
import type { Address, Consumption, Delivery, Transport } from "../transport/transport";
import { backoffMs, pause, RECONNECT } from "./backoff";
import type { Desk } from "./desk";
import type { Lanes } from "./lane";
import { type Item, Parcel } from "./parcel";

/**
 * Deliveries → items in the waiting lists. One consumer for each type.
 *
 * Consuming is held while there is a reason to (the store is away, too much waits here): holds are named, per type or for
 * all, and a consumer takes deliveries only while nobody holds it. What the broker has prefetched by then stays here,
 * unacked: it is never given back for want of a database.
 */
export class Receiver {
  private readonly consumers = new Map<string, Consumer>();
  private readonly holds = new Map<string, Set<string>>([[ALL, new Set()]]);
  /** Waiting items by task and job: a second message for what waits already adds nothing. */
  private readonly waitingKeys = new Map<string, Item>();
  private stopping = false;

  /** @param wake called when there is something to claim */
  constructor(
    private readonly desk: Desk,
    private readonly transport: Transport,
    private readonly lanes: Lanes,
    private readonly wake: () => void,
  ) {}

  /** Declares and consumes every type, each by itself: one that the broker refuses does not hinder the others. */
  async start(): Promise<void> {
    await Promise.all(this.lanes.types.map((type) => this.startType(type)));
  }

  /** Takes no more deliveries. Resolves when none can arrive any more. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all([...this.consumers.values()].map((consumer) => consumer.stop()));
  }

  hold(reason: string, type: string = ALL): void {
    const reasons = this.holds.get(type) ?? new Set();
    this.holds.set(type, reasons.add(reason));
    this.applyHolds();
  }

  unhold(reason: string, type: string = ALL): void {
    if (this.holds.get(type)?.delete(reason)) this.applyHolds();
  }

  /** The item has left its waiting list. */
  taken(item: Item): void {
    this.waitingKeys.delete(keyOf(item));
  }

  private applyHolds(): void {
    for (const [type, consumer] of this.consumers) consumer.hold(this.isHeld(type));
  }

  private isHeld(type: string): boolean {
    return this.holds.get(ALL)!.size > 0 || (this.holds.get(type)?.size ?? 0) > 0;
  }

  private async startType(type: TaskTypeConfig): Promise<void> {
    for (let tries = 1; !this.stopping; tries++) {
      try {
        await this.declare(type);
        const consumption = await this.transport.consume({
          address: addressOf(type, this.desk.endpoint),
          prefetch: prefetchOf(type),
          onDelivery: (delivery) => this.receive(type, delivery),
        });
        const consumer = new Consumer(consumption, this.desk);
        this.consumers.set(type.name, consumer);
        consumer.hold(this.isHeld(type.name));
        if (this.stopping) await consumer.stop();
        return;
      } catch (error) {
        const fields = { type: type.name, endpoint: this.desk.endpoint, err: (error as Error).message };
        if (tries % 20 === 1) this.desk.log.warn(fields, "cannot consume this type yet; trying again");
        await pause(backoffMs(tries, RECONNECT), this.desk.over);
      }
    }
  }

  private async declare(type: TaskTypeConfig): Promise<void> {
    await this.transport.declareType({ type: type.name, deliver: type.deliver }).catch((error) => {
      // A manager's broker user may be allowed its own queues only; the API has declared the exchange.
      if (!(error instanceof TransportError) || error.reason !== "refused") throw error;
      this.desk.log.debug(
        { type: type.name, err: error.message },
        "may not declare the type's exchange; goes on without",
      );
    });
    if (type.deliver === "each") await this.transport.declareEndpoint(type.name, this.desk.endpoint);
  }

  private receive(type: TaskTypeConfig, delivery: Delivery): void {
    if (this.stopping) {
      delivery.release();
      return;
    }
    this.desk.counters.deliveries++;
    let message: TaskMessage;
    try {
      message = decodeMessage(delivery.body);
      if (message.type !== type.name) {
        throw new UnreadableMessage("invalid", `it is of type "${message.type}", in a queue of "${type.name}"`);
      }
    } catch (error) {
      const reason = error instanceof UnreadableMessage ? `${error.reason}: ${error.message}` : `invalid: ${error}`;
      this.desk.counters.parked++;
      this.desk.log.warn(
        { type: type.name, endpoint: this.desk.endpoint, message_id: delivery.messageId, reason },
        "parked a message",
      );
      delivery.park(reason);
      return;
    }
    this.enqueue(message, delivery);
    this.wake();
  }

  private enqueue(message: TaskMessage, delivery: Delivery): void {
    const parcel = new Parcel(delivery, message.tasks.length, () => void this.desk.counters.ackedEarly++);
    const since = performance.now();
    for (const { id, job, priority } of message.tasks) {
      const item: Item = { taskId: id, job: job ?? "", priority, parcel, since, reported: false, secured: false };
      const key = keyOf(item);
      if (this.waitingKeys.has(key)) {
        parcel.done(item);
        continue;
      }
      this.waitingKeys.set(key, item);
      this.lanes.of(message.type, item.job)!.waiting.push(item);
    }
  }
}

/** One type's consumption; pauses and resumes one after the other, always towards what was wanted last. */
class Consumer {
  private wanted = false;
  private paused = false;
  private changing: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly consumption: Consumption,
    private readonly desk: Desk,
  ) {}

  hold(wanted: boolean): void {
    this.wanted = wanted;
    this.changing ??= this.change().finally(() => {
      this.changing = null;
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.changing;
    await this.consumption.stop();
  }

  private async change(): Promise<void> {
    while (!this.stopped && this.paused !== this.wanted) {
      const pausing = this.wanted;
      try {
        await (pausing ? this.consumption.pause() : this.consumption.resume());
        this.paused = pausing;
      } catch (error) {
        this.desk.log.warn(
          { err: (error as Error).message },
          pausing ? "cannot pause a consumer" : "cannot resume a consumer",
        );
        await pause(500, this.desk.over);
      }
    }
  }
}

/**
 * How many messages may be unacked here. For `deliver: each`, twice the slots: while one half runs or is being committed the
 * other half is at hand. For `deliver: one` just the slots: what waits here could be running at another endpoint.
 */
function prefetchOf(type: TaskTypeConfig): number {
  const slots = type.concurrency * Math.max(1, type.jobs.length);
  return Math.min(300, type.deliver === "one" ? slots : slots * 2);
}

function addressOf(type: TaskTypeConfig, endpoint: string): Address {
  return type.deliver === "one" ? { to: "one", type: type.name } : { to: "endpoint", type: type.name, endpoint };
}

function keyOf(item: { taskId: string; job: string }): string {
  return `${item.taskId} ${item.job}`;
}

const ALL = "";
