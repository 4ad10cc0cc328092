import { TaskerError } from "../errors";
import type { UpkeepStore } from "../store/store";
import type { Gate } from "./create";

const LOOK_EVERY_MS = 1000;

/** The outbox as it was a moment ago, and the gate that refuses creates while it is full. */
export class Backlog implements Gate {
  private timer: NodeJS.Timeout | null = null;
  private busy = false;
  latest = { unpublished: 0, oldestUnpublishedMs: 0, oldestWaitingMs: 0 };

  constructor(
    private readonly upkeep: UpkeepStore,
    private readonly limit: number,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    void this.look();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
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
    if (this.busy) return;
    this.busy = true;
    try {
      this.latest = await this.upkeep.backlog(this.limit);
    } catch {
      // The database is away; creates are refused by itself then, with its own code.
    } finally {
      this.busy = false;
    }
  }
}
