import type { Log } from "../../log";
import type { MaintenanceStore } from "../../store/store";
import type { QueueRegistry } from "../queue-registry";
import type { Leftovers } from "./leftovers";

const ADMIT_EVERY_MS = 1000;
const TIDY_EVERY_MS = 5000;
/** A removed endpoint is looked after for so long: its manager or another API may have declared a queue of it once more. */
const LOOK_AFTER_MS = 60_000;

/** What the reconciler does beside the responses: who has registered, whose queues have to go, what a changed config left. */
export class Housekeeping {
  private lastAdmit = 0;
  private lastTidy = 0;

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly topology: QueueRegistry,
    private readonly leftovers: Leftovers,
    private readonly log: Log,
  ) {}

  /** Rejects when the database is away; the broker may be. @param now monotonic milliseconds */
  async work(now: number): Promise<void> {
    if (now - this.lastAdmit >= ADMIT_EVERY_MS) {
      this.lastAdmit = now;
      await this.admit();
    }
    if (now - this.lastTidy >= TIDY_EVERY_MS) {
      this.lastTidy = now;
      await this.tidy();
    }
    await this.leftovers.look(now);
  }

  private async admit(): Promise<void> {
    for (const { endpoint, gaveUp, begun } of await this.maintenance.admit()) {
      if (begun) this.log.info({ endpoint }, "a new manager has taken the name of a removed endpoint");
      if (gaveUp.length === 0) continue;
      this.log.info({ endpoint, types: gaveUp }, "no manager of the endpoint serves these types any more");
      this.lastTidy = 0;
    }
  }

  /** Deletes the queues of endpoints that are not registered any more. Where the broker refuses, next time. */
  private async tidy(): Promise<void> {
    for (const endpoint of await this.maintenance.leaving()) {
      try {
        await this.topology.dismiss(endpoint.name, endpoint.types);
      } catch (error) {
        this.log.debug({ endpoint: endpoint.name, err: (error as Error).message }, "its queues cannot be deleted now");
        continue;
      }
      if (endpoint.removedMs === null || endpoint.removedMs >= LOOK_AFTER_MS)
        await this.maintenance.endpointLeft(endpoint);
    }
  }
}
