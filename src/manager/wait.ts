import type { Desk } from "./desk";
import type { Lane, Lanes } from "./lane";

/** What is claimed sooner than this never shows as waiting. */
const REPORT_AFTER_MS = 1000;
const SIZE = 500;
const HOLD = "messages have waited here for long";

/**
 * What waits here for a slot. After a second the store is told that the endpoint has received it. What has waited as long as
 * a consumer timeout may tolerate is acked: it stays in the list, and the store brings it back if this process dies. Of a
 * type with such items nothing more is taken until they have started, so the list stays within the prefetch.
 */
export class WaitingRoom {
  private reporting = false;

  constructor(
    private readonly desk: Desk,
    private readonly lanes: Lanes,
    private readonly receiver: { hold(reason: string, type: string): void; unhold(reason: string, type: string): void },
  ) {}

  /** One round. Never rejects. */
  async sweep(): Promise<void> {
    for (const type of this.lanes.types) this.secure(type.name, this.lanes.ofType(type.name));
    if (this.reporting) return;
    this.reporting = true;
    try {
      await this.report();
    } catch (error) {
      this.desk.log.debug({ err: (error as Error).message }, "cannot report what waits now");
    } finally {
      this.reporting = false;
    }
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
        batch.map(({ taskId, job }) => ({ taskId, job })),
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
    if (any) this.receiver.hold(HOLD, type);
    else this.receiver.unhold(HOLD, type);
  }
}
