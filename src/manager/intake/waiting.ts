import type { Desk } from "../context";
import type { Item, Parcel } from "./delivery-batch";
import type { Lane, Lanes } from "./job-slots";

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
  private readonly busy = new Map<string, Lane>();

  constructor(
    private readonly desk: Desk,
    private readonly lanes: Lanes,
    private readonly receiver: {
      hold(reason: string, type: string): Promise<void>;
      unhold(reason: string, type: string): void;
      taken(item: Item): void;
    },
  ) {}

  /** A slot has become free. Cheap. */
  slotFree(): void {
    for (const [type, lane] of this.busy) {
      if (lane.free <= 0) continue;
      this.busy.delete(type);
      this.receiver.unhold(BUSY, type);
    }
  }

  /** One round. Never rejects. */
  async sweep(): Promise<void> {
    for (const type of this.lanes.types) this.secure(type.name, this.lanes.ofType(type.name));
    if (this.reporting) return;
    this.reporting = true;
    try {
      for (const type of this.lanes.types) {
        if (type.deliver === "one") for (const lane of this.lanes.ofType(type.name)) await this.share(lane);
      }
      await this.report();
    } catch (error) {
      this.desk.log.debug({ err: (error as Error).message }, "cannot report what waits now");
    } finally {
      this.reporting = false;
    }
  }

  private async share(lane: Lane): Promise<void> {
    const before = performance.now() - REPORT_AFTER_MS;
    // What has been acked already cannot go back.
    const late = () =>
      lane.free > 0 ? [] : lane.waiting.items().filter((item) => item.since <= before && !item.secured);
    if (late().length === 0) return;
    const type = lane.type.name;
    this.busy.set(type, lane);
    // Only when nothing arrives any more: what is given back before would be delivered here again.
    await this.receiver.hold(BUSY, type);
    this.handOver(new Set(late().map((item) => item.parcel)), type);
    this.slotFree();
  }

  /** Whole messages: what else of them waits, in whichever lane, comes again with the rest. */
  private handOver(parcels: ReadonlySet<Parcel>, type: string): void {
    for (const lane of this.lanes.ofType(type)) {
      for (const item of lane.waiting.items()) {
        if (!parcels.has(item.parcel)) continue;
        lane.waiting.remove(item);
        this.receiver.taken(item);
      }
    }
    for (const parcel of parcels) parcel.handOver();
  }

  private async report(): Promise<void> {
    const since = performance.now() - REPORT_AFTER_MS;
    const late = this.lanes
      .all()
      .flatMap((lane) => lane.waiting.items().filter((item) => !item.reported && item.since <= since));
    for (let i = 0; i < late.length; i += SIZE) {
      const batch = late.slice(i, i + SIZE);
      await this.desk.store.received(
        this.desk.endpoint,
        batch.map(({ taskId, job, generation }) => ({ taskId, job, generation: generation ?? undefined })),
      );
      for (const item of batch) item.reported = true;
    }
  }

  private secure(type: string, lanes: Lane[]): void {
    const before = performance.now() - this.desk.pace.earlyAckMs;
    let any = false;
    for (const item of lanes.flatMap((lane) => lane.waiting.items())) {
      if (item.reported && item.since <= before) item.parcel.secure(item);
      any ||= item.secured;
    }
    if (any) void this.receiver.hold(HOLD, type);
    else this.receiver.unhold(HOLD, type);
  }
}
