import { backoffMs, pause, RECONNECT } from "../../backoff";
import type { TaskTypeConfig } from "../../config/config";
import { TransportError } from "../../errors";
import type { Deliver } from "../../model/task";
import type { Consumption, Delivery, Transport } from "../../transport/transport";
import type { ManagerContext } from "../context";
import type { Receiver } from "./receiver";
import { queuesOf, Subscription } from "./subscription";

const ALL = "";

/**
 * What a manager consumes: a subscription for each type.
 *
 * Consuming is held while there is a reason to (the store is away, too much waits here): holds are
 * named, per type or for all, and a subscription takes deliveries only while nobody holds it. What
 * the broker has prefetched by then stays here, unacked: it is never given back for want of a
 * database. Only what waits at busy slots while others may be free is (wait-monitor.ts).
 */
export class Subscriptions {
  private readonly byType = new Map<string, Subscription>();
  /**
   * By type, to queues of the kind of delivery that its config does not have any more, while tasks
   * of it are open.
   */
  private readonly former = new Map<string, Subscription>();
  private readonly holds = new Map<string, Set<string>>();
  private stopping = false;
  private away = false;

  constructor(
    private readonly context: ManagerContext,
    private readonly transport: Transport,
    private readonly types: readonly TaskTypeConfig[],
    private readonly receiver: Receiver,
  ) {}

  /**
   * Declares and consumes every type independently: one that the broker refuses does not hinder
   * the others.
   */
  async start(): Promise<void> {
    await Promise.all(this.types.map((type) => this.startType(type)));
  }

  /** Takes no more deliveries. Resolves when none can arrive any more. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.stopAll();
  }

  /**
   * The endpoint's life is over: consumes nothing, and declares its queues no more. Never rejects.
   */
  async leave(): Promise<void> {
    if (this.away || this.byType.size === 0) return;
    this.away = true;
    await this.stopAll();
    const { endpoint } = this.context;
    await Promise.allSettled(this.types.map(({ name }) => this.transport.removeEndpoint(name, endpoint)));
  }

  /** It has been registered again. Never rejects. */
  async comeBack(): Promise<void> {
    if (!this.away) return;
    this.away = false;
    await this.start();
  }

  /**
   * Types of which tasks of the other kind of delivery are open, since their config has changed:
   * the queues of that kind are consumed beside the type's own, until there are no more.
   */
  async serveFormer(open: ReadonlyArray<{ type: string; deliver: Deliver }>): Promise<void> {
    const wanted = new Map(open.map(({ type, deliver }) => [type, deliver]));
    for (const type of this.types) {
      const deliver = wanted.get(type.name);
      const served = this.former.get(type.name);
      if (deliver !== undefined && deliver !== type.deliver) {
        if (!served && !this.stopping && !this.away) await this.startFormer({ ...type, deliver });
      } else if (served) {
        this.former.delete(type.name);
        await served.stop();
      }
    }
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

  private applyHolds(): Promise<unknown> {
    const all = [...this.byType, ...this.former];
    return Promise.all(all.map(([type, subscription]) => subscription.hold(this.isHeld(type))));
  }

  private isHeld(type: string): boolean {
    return [ALL, type].some((of) => (this.holds.get(of)?.size ?? 0) > 0);
  }

  private async startType(type: TaskTypeConfig): Promise<void> {
    const consumptions: Consumption[] = [];
    for (let tries = 1; !this.stopping; tries++) {
      try {
        await this.declare(type);
        await this.consume(type, consumptions);
        await this.add(this.byType, type.name, consumptions);
        return;
      } catch (error) {
        const fields = { type: type.name, endpoint: this.context.endpoint, err: (error as Error).message };
        if (tries % 20 === 1) this.context.log.warn(fields, "cannot consume this type yet; trying again");
        await pause(backoffMs(tries, RECONNECT), this.context.over);
      }
    }
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
  }

  /** @param type with the kind of delivery that its config does not have any more */
  private async startFormer(type: TaskTypeConfig): Promise<void> {
    const { endpoint, log } = this.context;
    const { name, deliver } = type;
    if (deliver === "each") await this.transport.declareEndpoint(name, endpoint);
    const consumptions: Consumption[] = [];
    await this.consume(type, consumptions, true);
    await this.add(this.former, name, consumptions);
    log.info(
      { type: name, endpoint, deliver },
      "tasks of the other kind of delivery are open: their queues are served, too",
    );
  }

  private async declare({ name, deliver }: TaskTypeConfig): Promise<void> {
    await this.transport.declareType({ type: name, deliver }).catch((error) => {
      // A manager's broker user may be allowed its own queues only; the API has declared the
      // exchange.
      if (!(error instanceof TransportError) || error.reason !== "refused") throw error;
      this.context.log.debug(
        { type: name, err: error.message },
        "may not declare the type's exchange; goes on without",
      );
    });
    if (deliver === "each") await this.transport.declareEndpoint(name, this.context.endpoint);
  }

  /** Adds a consumption for each queue of the type that has none yet. */
  private async consume(type: TaskTypeConfig, consumptions: Consumption[], former = false): Promise<void> {
    const onDelivery = (delivery: Delivery) => {
      if (this.stopping) delivery.release();
      else this.receiver.receive(type, delivery, former);
    };
    for (const queue of queuesOf(type, this.context.endpoint).slice(consumptions.length))
      consumptions.push(await this.transport.consume({ ...queue, onDelivery }));
  }

  private async add(to: Map<string, Subscription>, type: string, consumptions: Consumption[]): Promise<void> {
    const subscription = new Subscription(consumptions, this.context);
    to.set(type, subscription);
    void subscription.hold(this.isHeld(type));
    if (this.stopping) await subscription.stop();
  }

  private async stopAll(): Promise<void> {
    const all = [...this.byType.values(), ...this.former.values()];
    this.byType.clear();
    this.former.clear();
    await Promise.all(all.map((subscription) => subscription.stop()));
  }
}
