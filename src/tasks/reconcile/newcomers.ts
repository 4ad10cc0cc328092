import type { Config } from "../../config/config";
import { groupBy } from "../../group-by";
import type { Log } from "../../log";
import type { MaintenanceStore } from "../../store/store";
import type { QueueRegistry } from "../publish/queue-registry";
import { type Duty, Every } from "./duty";

const LOOK_EVERY_MS = 1000;
/** A manager's row may become visible this long after its time. */
const OVERLAP_MS = 5000;

/**
 * Declares the queues of endpoints whose managers have just registered, before anything is to be
 * published there. A manager with few rights at the broker may not declare them, and waits for
 * them.
 */
export class Newcomers implements Duty {
  private readonly every = new Every();
  private after: string | null = null;
  private looking: Promise<void> | null = null;

  constructor(
    private readonly config: Config,
    private readonly maintenance: MaintenanceStore,
    private readonly queues: QueueRegistry,
    private readonly log: Log,
  ) {}

  /** When this process leads again, it begins with all managers that live. */
  resign(): void {
    this.after = null;
  }

  /** Looks in the background, one look at a time. What fails is tried again at the next look. */
  async work(now: number): Promise<boolean> {
    if (!this.every.due(now, LOOK_EVERY_MS)) return false;
    this.looking ??= this.look()
      .catch((error: Error) => this.log.debug({ err: error.message }, "cannot make the queues of newcomers now"))
      .finally(() => {
        this.looking = null;
      });
    return false;
  }

  async idle(): Promise<void> {
    await this.looking;
  }

  private async look(): Promise<void> {
    const { newcomers, next } = await this.maintenance.newcomers(this.after, OVERLAP_MS);
    for (const [type, group] of groupBy(newcomers, (newcomer) => newcomer.type)) {
      const config = Object.hasOwn(this.config.taskTypes, type) ? this.config.taskTypes[type] : undefined;
      if (config?.deliver === "one") await this.queues.declareType(type);
      else if (config)
        await this.queues.endpointsOf(
          type,
          group.map(({ endpoint }) => endpoint),
        );
    }
    this.after = next;
  }
}
