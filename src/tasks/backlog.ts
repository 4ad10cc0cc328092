import { TaskerError } from "../errors";
import type { MaintenanceStore } from "../store/store";
import type { Gate } from "./create";

const LOOK_EVERY_MS = 1000;
/** A long backlog takes long to look at: the next look waits this many times as long. */
const IDLE_FACTOR = 20;

/** The outbox as it was a moment ago, and the gate that refuses creates while it is full. */
export class Backlog implements Gate {
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;
  latest = { unpublished: 0, oldestUnpublishedMs: 0, oldestWaitingMs: 0 };

  constructor(
    private readonly maintenance: MaintenanceStore,
    readonly limit: number,
  ) {}

  start(): void {
    void this.look();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  check(): void {
    if (this.latest.unpublished < this.limit) return;
    throw new TaskerError(
      "overloaded",
      `${this.latest.unpublished} tasks are stored and wait for the broker (limit ${this.limit}): try again when it takes messages`,
      { retryAfter: 5 },
    );
  }

  private async look(): Promise<void> {
    const began = performance.now();
    try {
      this.latest = await this.maintenance.backlog(this.limit);
    } catch {
      // The database is unavailable: creates fail with its own code anyway.
    }
    const pause = Math.max(LOOK_EVERY_MS, (performance.now() - began) * IDLE_FACTOR);
    if (!this.stopped) this.timer = setTimeout(() => void this.look(), pause);
  }
}
