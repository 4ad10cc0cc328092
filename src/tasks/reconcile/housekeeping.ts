import type { Log } from "../../log";
import type { MaintenanceStore } from "../../store/store";
import type { QueueRegistry } from "../publish/queue-registry";
import { type Duty, Every } from "./duty";

const ADMIT_EVERY_MS = 1000;
const TIDY_EVERY_MS = 5000;
/** How long a removed endpoint's queues are deleted: a late manager may declare one again. */
const LOOK_AFTER_MS = 60_000;

/** Admits managers that registered, and deletes the queues of endpoints that are removed. */
export class Housekeeping implements Duty {
  private readonly admitEvery = new Every();
  private readonly tidyEvery = new Every();

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly queues: QueueRegistry,
    private readonly log: Log,
  ) {}

  async work(now: number): Promise<boolean> {
    if (this.admitEvery.due(now, ADMIT_EVERY_MS)) await this.admit();
    if (this.tidyEvery.due(now, TIDY_EVERY_MS)) await this.tidy();
    return false;
  }

  private async admit(): Promise<void> {
    for (const { endpoint, droppedTypes, revived } of await this.maintenance.applyRegistrations()) {
      if (revived) this.log.info({ endpoint }, "a new manager has taken the name of a removed endpoint");
      if (droppedTypes.length === 0) continue;
      this.log.info({ endpoint, types: droppedTypes }, "no manager of the endpoint serves these types any more");
      this.tidyEvery.hurry();
    }
  }

  /** Where the broker refuses, next time. */
  private async tidy(): Promise<void> {
    for (const endpoint of await this.maintenance.leavingEndpoints()) {
      try {
        await this.queues.deleteQueues(endpoint.name, endpoint.types);
      } catch (error) {
        this.log.debug({ endpoint: endpoint.name, err: (error as Error).message }, "its queues cannot be deleted now");
        continue;
      }
      if (endpoint.removedMs === null || endpoint.removedMs >= LOOK_AFTER_MS)
        await this.maintenance.clearLeaving(endpoint);
    }
  }
}
