import type { ManagerContext } from "../context";
import type { DeliveryBatch, Item } from "./delivery-batch";
import type { JobSlots, ManagerSlots } from "./job-slots";

/** What is claimed sooner than this never shows as waiting. */
const REPORT_AFTER_MS = 1000;
const SIZE = 500;
const HOLD = "messages have waited here for long";
const BUSY = "every slot is taken";

/**
 * What waits here for a slot. After a second the store is told that the endpoint has received it. What has waited as long as
 * a consumer timeout may tolerate is acked: it stays in the list, and the store brings it back if this process dies. Of a
 * type with such items nothing more is taken until they have started, so the list stays within the prefetch.
 *
 * A task of `deliver: one` that waits here could be running at another endpoint. After a second at taken slots it goes back to
 * its queue, and nothing more of the type is taken until a slot is free.
 */
export class WaitingRoom {
  private reporting = false;
  private readonly busy = new Map<string, JobSlots>();

  constructor(
    private readonly desk: ManagerContext,
    private readonly allSlots: ManagerSlots,
    private readonly receiver: {
      hold(reason: string, type: string): Promise<void>;
      unhold(reason: string, type: string): void;
      taken(item: Item): void;
    },
  ) {}

  /** A slot has become free. Cheap. */
  slotFree(): void {
    for (const [type, slots] of this.busy) {
      if (slots.free <= 0) continue;
      this.busy.delete(type);
      this.receiver.unhold(BUSY, type);
    }
  }

  /** One round. Never rejects. */
  async sweep(): Promise<void> {
    for (const type of this.allSlots.types) this.secure(type.name, this.allSlots.ofType(type.name));
    if (this.reporting) return;
    this.reporting = true;
    try {
      for (const type of this.allSlots.types) {
        if (type.deliver === "one") for (const slots of this.allSlots.ofType(type.name)) await this.share(slots);
      }
      await this.report();
    } catch (error) {
      this.desk.log.debug({ err: (error as Error).message }, "cannot report what waits now");
    } finally {
      this.reporting = false;
    }
  }

  private async share(slots: JobSlots): Promise<void> {
    const before = performance.now() - REPORT_AFTER_MS;
    // What has been acked already cannot go back.
    const late = () =>
      slots.free > 0 ? [] : slots.waiting.items().filter((item) => item.since <= before && !item.secured);
    if (late().length === 0) return;
    const type = slots.type.name;
    this.busy.set(type, slots);
    // Only when nothing arrives any more: what is given back before would be delivered here again.
    await this.receiver.hold(BUSY, type);
    this.handOver(new Set(late().map((item) => item.parcel)), type);
    this.slotFree();
  }

  /** Whole messages: what else of them waits, in whichever slots, comes again with the rest. */
  private handOver(parcels: ReadonlySet<DeliveryBatch>, type: string): void {
    for (const slots of this.allSlots.ofType(type)) {
      for (const item of slots.waiting.items()) {
        if (!parcels.has(item.parcel)) continue;
        slots.waiting.remove(item);
        this.receiver.taken(item);
      }
    }
    for (const parcel of parcels) parcel.handOver();
  }

  private async report(): Promise<void> {
    const since = performance.now() - REPORT_AFTER_MS;
    const late = this.allSlots
      .all()
      .flatMap((slots) => slots.waiting.items().filter((item) => !item.reported && item.since <= since));
    for (let i = 0; i < late.length; i += SIZE) {
      const batch = late.slice(i, i + SIZE);
      await this.desk.store.received(
        this.desk.endpoint,
        batch.map(({ taskId, job, generation }) => ({ taskId, job, generation: generation ?? undefined })),
      );
      for (const item of batch) item.reported = true;
    }
  }

  private secure(type: string, allSlots: JobSlots[]): void {
    const before = performance.now() - this.desk.pace.earlyAckMs;
    let any = false;
    for (const item of allSlots.flatMap((slots) => slots.waiting.items())) {
      if (item.reported && item.since <= before) item.parcel.secure(item);
      any ||= item.secured;
    }
    if (any) void this.receiver.hold(HOLD, type);
    else this.receiver.unhold(HOLD, type);
  }
}
