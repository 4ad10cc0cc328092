import { backoffMs, pause, RECONNECT } from "../../backoff";
import type { TaskTypeConfig } from "../../config/config";
import { Keys } from "../../dense-set";
import { TransportError } from "../../errors";
import { mayBegin, UnreadableMessage } from "../../model/message";
import { ANY_ENDPOINT } from "../../model/names";
import type { Deliver } from "../../model/task";
import type { Consumption, Delivery, Transport } from "../../transport/transport";
import type { ManagerContext } from "../context";
import { DeliveryBatch, type Item, itemKey } from "./delivery-batch";
import type { ManagerSlots } from "./job-slots";
import { Consumer, queuesOf } from "./subscription";
import type { Opened } from "./verifier";

/**
 * Deliveries → items in the waiting lists. One consumer for each type.
 *
 * Consuming is held while there is a reason to (the store is away, too much waits here): holds are named, per type or for
 * all, and a consumer takes deliveries only while nobody holds it. What the broker has prefetched by then stays here,
 * unacked: it is never given back for want of a database. Only what waits at busy slots while others may be free is (wait.ts).
 */
export class Receiver {
  private readonly consumers = new Map<string, Consumer>();
  /** By type, of the kind of delivery that the config does not have, while tasks of it are open. */
  private readonly others = new Map<string, Consumer>();
  private away = false;
  private readonly holds = new Map<string, Set<string>>([[ALL, new Set()]]);
  /** What waits: a second message for it adds nothing. */
  private readonly waitingKeys = new Keys<string>();
  private stopping = false;

  /** @param wake called when there is something to claim */
  constructor(
    private readonly desk: ManagerContext,
    private readonly transport: Transport,
    private readonly allSlots: ManagerSlots,
    private readonly wake: () => void,
  ) {}

  /** Declares and consumes every type, each by itself: one that the broker refuses does not hinder the others. */
  async start(): Promise<void> {
    await Promise.all(this.allSlots.types.map((type) => this.startType(type)));
  }

  /** Takes no more deliveries. Resolves when none can arrive any more. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.stopConsumers();
  }

  /** The endpoint's life is over: consumes nothing, and declares its queues no more. Never rejects. */
  async leave(): Promise<void> {
    if (this.away || this.consumers.size === 0) return;
    this.away = true;
    await this.stopConsumers();
    const { endpoint } = this.desk;
    const removals = this.allSlots.types.map(({ name }) => this.transport.removeEndpoint(name, endpoint));
    await Promise.allSettled(removals);
  }

  /** It has been registered again. Never rejects. */
  async comeBack(): Promise<void> {
    if (!this.away) return;
    this.away = false;
    await this.start();
  }

  /**
   * Types of which tasks of the other kind of delivery are open, since their config has changed: the queues of that kind are
   * consumed beside the type's own, until there are no more.
   */
  async serveAlso(open: ReadonlyArray<{ type: string; deliver: Deliver }>): Promise<void> {
    const wanted = new Map(open.map(({ type, deliver }) => [type, deliver]));
    for (const type of this.allSlots.types) {
      const deliver = wanted.get(type.name);
      const served = this.others.get(type.name);
      if (deliver !== undefined && deliver !== type.deliver) {
        if (!served && !this.stopping && !this.away) await this.startOther(type, deliver);
      } else if (served) {
        this.others.delete(type.name);
        await served.stop();
      }
    }
  }

  private async startOther(type: TaskTypeConfig, deliver: Deliver): Promise<void> {
    if (deliver === "each") await this.transport.declareEndpoint(type.name, this.desk.endpoint);
    const consumptions: Consumption[] = [];
    for (const queue of queuesOf({ ...type, deliver }, this.desk.endpoint)) {
      const onDelivery = (delivery: Delivery) => this.receive(type, delivery, true);
      consumptions.push(await this.transport.consume({ ...queue, onDelivery }));
    }
    const consumer = new Consumer(consumptions, this.desk);
    this.others.set(type.name, consumer);
    void consumer.hold(this.isHeld(type.name));
    this.desk.log.info(
      { type: type.name, endpoint: this.desk.endpoint, deliver },
      "tasks of the other kind of delivery are open: their queues are served, too",
    );
  }

  private async stopConsumers(): Promise<void> {
    const all = [...this.consumers.values(), ...this.others.values()];
    this.consumers.clear();
    this.others.clear();
    await Promise.all(all.map((consumer) => consumer.stop()));
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
    const all = [...this.consumers, ...this.others];
    return Promise.all(all.map(([type, consumer]) => consumer.hold(this.isHeld(type))));
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

  /** @param other from a queue of the kind of delivery that the type does not have any more */
  private receive(type: TaskTypeConfig, delivery: Delivery, other = false): void {
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
    this.enqueue(type, other ? { ...opened, known: null } : opened, delivery);
    this.wake();
  }

  private enqueue(type: TaskTypeConfig, { message, known }: Opened, delivery: Delivery): void {
    const parcel = new DeliveryBatch(delivery, message.tasks.length, () => void this.desk.counters.ackedEarly++);
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
      this.allSlots.of(message.type, item.job)!.waiting.push(item);
    }
  }
}

const ALL = "";
