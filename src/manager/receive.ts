import { backoffMs, pause, RECONNECT } from "../backoff";
import type { TaskTypeConfig } from "../config/config";
import { TransportError } from "../errors";
import { mayBegin, UnreadableMessage } from "../model/message";
import { ANY_ENDPOINT } from "../model/names";
import { Keys } from "../roll";
import type { Consumption, Delivery, Transport } from "../transport/transport";
import { Consumer, queuesOf } from "./consumer";
import type { Desk } from "./desk";
import type { Lanes } from "./lane";
import { type Item, itemKey, Parcel } from "./parcel";
import type { Opened } from "./seal";

/**
 * Deliveries → items in the waiting lists. One consumer for each type.
 *
 * Consuming is held while there is a reason to (the store is away, too much waits here): holds are named, per type or for
 * all, and a consumer takes deliveries only while nobody holds it. What the broker has prefetched by then stays here,
 * unacked: it is never given back for want of a database. Only what waits at busy slots while others may be free is (wait.ts).
 */
export class Receiver {
  private readonly consumers = new Map<string, Consumer>();
  private readonly holds = new Map<string, Set<string>>([[ALL, new Set()]]);
  /** What waits: a second message for it adds nothing. */
  private readonly waitingKeys = new Keys<string>();
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

  /** Resolves when nothing arrives any more for that reason. Never rejects. */
  async hold(reason: string, type: string = ALL): Promise<void> {
    const reasons = this.holds.get(type) ?? new Set();
    this.holds.set(type, reasons.add(reason));
    await this.applyHolds();
  }

  unhold(reason: string, type: string = ALL): void {
    if (this.holds.get(type)?.delete(reason)) void this.applyHolds();
  }

  /** The item has left its waiting list. */
  taken(item: Item): void {
    this.waitingKeys.delete(itemKey(item));
  }

  private applyHolds(): Promise<unknown> {
    return Promise.all([...this.consumers].map(([type, consumer]) => consumer.hold(this.isHeld(type))));
  }

  private isHeld(type: string): boolean {
    return this.holds.get(ALL)!.size > 0 || (this.holds.get(type)?.size ?? 0) > 0;
  }

  private async startType(type: TaskTypeConfig): Promise<void> {
    const queues = queuesOf(type, this.desk.endpoint);
    const consumptions: Consumption[] = [];
    for (let tries = 1; !this.stopping; tries++) {
      try {
        await this.declare(type);
        for (const queue of queues.slice(consumptions.length)) {
          const onDelivery = (delivery: Delivery) => this.receive(type, delivery);
          consumptions.push(await this.transport.consume({ ...queue, onDelivery }));
        }
        const consumer = new Consumer(consumptions, this.desk);
        this.consumers.set(type.name, consumer);
        void consumer.hold(this.isHeld(type.name));
        if (this.stopping) await consumer.stop();
        return;
      } catch (error) {
        const fields = { type: type.name, endpoint: this.desk.endpoint, err: (error as Error).message };
        if (tries % 20 === 1) this.desk.log.warn(fields, "cannot consume this type yet; trying again");
        await pause(backoffMs(tries, RECONNECT), this.desk.over);
      }
    }
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
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
    let opened: Opened;
    try {
      opened = this.desk.seal.open(delivery.body);
      const { message } = opened;
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
    this.enqueue(type, opened, delivery);
    this.wake();
  }

  private enqueue(type: TaskTypeConfig, { message, known }: Opened, delivery: Delivery): void {
    const parcel = new Parcel(delivery, message.tasks.length, () => void this.desk.counters.ackedEarly++);
    const since = performance.now();
    const named = type.deliver === "one" ? ANY_ENDPOINT : this.desk.endpoint;
    // What comes again may have been at a handler that brought its manager down: its attempts have to be counted.
    const begins = type.claim === "late" && known !== null && !delivery.redelivered && mayBegin(message, named);
    for (const [i, { id, job, priority, generation }] of message.tasks.entries()) {
      const item: Item = {
        taskId: id,
        job: job ?? "",
        priority,
        generation,
        known: known?.[i] ?? null,
        mayBegin: begins && known[i] !== null,
        parcel,
        since,
        reported: false,
        secured: false,
      };
      const key = itemKey(item);
      if (this.waitingKeys.has(key)) {
        parcel.done(item);
        continue;
      }
      this.waitingKeys.add(key);
      this.lanes.of(message.type, item.job)!.waiting.push(item);
    }
  }
}

const ALL = "";
