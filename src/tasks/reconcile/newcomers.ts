import type { Config } from "../../config/config";
import type { Log } from "../../log";
import type { MaintenanceStore } from "../../store/store";
import type { QueueRegistry } from "../queue-registry";

/** A manager's row may become visible so long after its time. */
const OVERLAP_MS = 5000;

/**
 * Makes and binds the queues of endpoints whose managers have come, before anything is to be published there: a manager with
 * few rights in the broker may not, and waits for them.
 */
export class Newcomers {
  private place: string | null = null;
  private serving: Promise<void> | null = null;

  constructor(
    private readonly config: Config,
    private readonly maintenance: MaintenanceStore,
    private readonly topology: QueueRegistry,
    private readonly log: Log,
  ) {}

  /** Somebody else sees to them; when that is this process again, it begins with all who live. */
  resign(): void {
    this.place = null;
  }

  /** Looks, and goes on in the background, one look at a time. Never rejects; what cannot be done now is tried at the next look. */
  look(): void {
    this.serving ??= this.serve()
      .catch((error: Error) => this.log.debug({ err: error.message }, "cannot make the queues of newcomers now"))
      .finally(() => {
        this.serving = null;
      });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.serving;
  }

  private async serve(): Promise<void> {
    const { newcomers, place } = await this.maintenance.newcomers(this.place, OVERLAP_MS);
    const byType = new Map<string, string[]>();
    for (const { type, endpoint } of newcomers) byType.set(type, [...(byType.get(type) ?? []), endpoint]);
    for (const [type, endpoints] of byType) {
      const config = Object.hasOwn(this.config.taskTypes, type) ? this.config.taskTypes[type] : undefined;
      if (config?.deliver === "one") await this.topology.declareType(type);
      else if (config) await this.topology.endpointsOf(type, endpoints);
    }
    this.place = place;
  }
}
