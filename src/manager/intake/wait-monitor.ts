import type { ManagerContext } from "../context";
import type { DeliveryBatch } from "./delivery-batch";
import type { JobSlots, ManagerSlots } from "./job-slots";
import type { Subscriptions } from "./subscriptions";

/** What is claimed sooner than this never shows as waiting. */
const REPORT_AFTER_MS = 1000;
const SIZE = 500;
const LONG = "messages have waited here for long";
const BUSY = "every slot is taken";

/**
 * What waits here for a slot. After a second the store records that the endpoint has received it.
 * What has waited as long as a consumer timeout may tolerate is acked: it stays in the list, and
 * the store brings it back if this process dies. Of a type with such tasks nothing more is taken
 * until they have started, so the list stays within the prefetch.
 *
 * A task of `deliver: one` that waits here could be running at another endpoint. After a second at
 * taken slots it goes back to its queue, and nothing more of the type is taken until a slot is
 * free.
 */
export class WaitMonitor {
  private reporting = false;
  private readonly busy = new Map<string, JobSlots>();

  constructor(
    private readonly context: ManagerContext,
    private readonly allSlots: ManagerSlots,
    private readonly subscriptions: Subscriptions,
  ) {
    allSlots.onChange(() => this.unholdFree());
  }

  /** One round. Never rejects. */
  async sweep(): Promise<void> {
    for (const { name } of this.allSlots.types) this.secure(name);
    if (this.reporting) return;
    this.reporting = true;
    try {
      for (const { name, deliver } of this.allSlots.types) {
        if (deliver === "one") for (const slots of this.allSlots.ofType(name)) await this.share(slots);
      }
      await this.report();
    } catch (error) {
      this.context.log.debug({ err: (error as Error).message }, "cannot report what waits now");
    } finally {
      this.reporting = false;
    }
  }

  private unholdFree(): void {
    for (const [type, slots] of this.busy) {
      if (slots.free <= 0) continue;
      this.busy.delete(type);
      this.subscriptions.unhold(BUSY, type);
    }
  }

  private async share(slots: JobSlots): Promise<void> {
    const before = performance.now() - REPORT_AFTER_MS;
    // What has been acked already cannot go back.
    const late = () =>
      slots.free > 0 ? [] : slots.waiting.tasks().filter((task) => task.since <= before && !task.secured);
    if (late().length === 0) return;
    const type = slots.type.name;
    this.busy.set(type, slots);
    // Only when nothing arrives any more: what is given back before would be delivered here again.
    await this.subscriptions.hold(BUSY, type);
    this.handOver(new Set(late().map(({ batch }) => batch)), type);
    this.unholdFree();
  }

  /** Whole messages: what else of them waits, in whichever slots, comes again with the rest. */
  private handOver(batches: ReadonlySet<DeliveryBatch>, type: string): void {
    for (const { waiting } of this.allSlots.ofType(type))
      for (const task of waiting.tasks()) if (batches.has(task.batch)) waiting.remove(task);
    for (const batch of batches) batch.handOver();
  }

  private async report(): Promise<void> {
    const before = performance.now() - REPORT_AFTER_MS;
    const late = this.allSlots
      .all()
      .flatMap(({ waiting }) => waiting.tasks().filter((task) => !task.reported && task.since <= before));
    for (let i = 0; i < late.length; i += SIZE) {
      const tasks = late.slice(i, i + SIZE);
      await this.context.store.received(this.context.endpoint, tasks);
      for (const task of tasks) task.reported = true;
    }
  }

  private secure(type: string): void {
    const before = performance.now() - this.context.pace.earlyAckMs;
    const tasks = this.allSlots.ofType(type).flatMap(({ waiting }) => waiting.tasks());
    for (const task of tasks) if (task.reported && task.since <= before) task.batch.secure(task);
    if (tasks.some(({ secured }) => secured)) void this.subscriptions.hold(LONG, type);
    else this.subscriptions.unhold(LONG, type);
  }
}
