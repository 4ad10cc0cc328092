import type { Log } from "../../log";
import type { ResponseKey } from "../../model/response";
import type { NewTask } from "../../model/task";
import { type MaintenanceStore, PUBLISH_GRACE_MS } from "../../store/store";
import type { Transport } from "../../transport/transport";

/** Recheck an unclaimed response 30 s after its confirmed publish. */
export const RECHECK_MS = 30_000;
/** Persist a confirm after 1.5 s, or sooner once 10,000 tasks are pending. */
const NOTE_AFTER_MS = PUBLISH_GRACE_MS / 2;
const MAX_PENDING = 10_000;
/** Interval of checks while some confirms are too young. */
const NOTE_EVERY_MS = 200;

/** A response as it was created. By the time of the note it may be at another attempt. */
type FirstKey = ResponseKey & { attempt: 0; generation: 1 };

interface Confirmed {
  /** Monotonic milliseconds. */
  since: number;
  keys: FirstKey[];
}

/**
 * Confirmed publishes of new tasks, persisted together a moment later, and not at all for tasks
 * that complete meanwhile: most tasks cost no note. Until then the reconciler leaves them alone.
 */
export class Confirms {
  /** By task, oldest first. */
  private readonly pending = new Map<string, Confirmed>();
  /** On which connection they were confirmed, counted by reconnects. */
  private connection = 0;
  private timer: NodeJS.Timeout | null = null;
  private noting: Promise<void> = Promise.resolve();

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly transport: Transport,
    private readonly log: Log,
  ) {}

  /** The broker has these tasks for these endpoints. */
  add(tasks: readonly NewTask[], endpoints: readonly string[]): void {
    this.forgetLost();
    const since = performance.now();
    for (const { id: taskId, jobs } of tasks) {
      const confirmed = this.pending.get(taskId) ?? { since, keys: [] };
      this.pending.set(taskId, confirmed);
      for (const endpoint of endpoints) {
        for (const job of jobs) confirmed.keys.push({ taskId, endpoint, job, attempt: 0, generation: 1 });
      }
    }
    if (this.pending.size >= MAX_PENDING) this.flush(0);
    else this.timer ??= setTimeout(() => this.flush(NOTE_AFTER_MS), NOTE_AFTER_MS);
  }

  /** The task is complete: nothing is left to note. */
  completed(taskId: string): void {
    this.pending.delete(taskId);
  }

  /** Persists what is pending. Never rejects. */
  async stop(): Promise<void> {
    this.flush(0);
    await this.noting;
  }

  /** A confirm says nothing about a broker that may have been restarted since. */
  private forgetLost(): void {
    const { connected, reconnects } = this.transport.health();
    if (connected && reconnects === this.connection) return;
    this.pending.clear();
    this.connection = reconnects;
  }

  /** What cannot be noted is found unpublished by the reconciler, and published once more. */
  private flush(minAgeMs: number): void {
    this.forgetLost();
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const until = performance.now() - minAgeMs + 1;
    const keys: FirstKey[] = [];
    for (const [taskId, confirmed] of this.pending) {
      if (confirmed.since > until) {
        this.timer = setTimeout(() => this.flush(NOTE_AFTER_MS), NOTE_EVERY_MS);
        break;
      }
      this.pending.delete(taskId);
      for (const key of confirmed.keys) keys.push(key);
    }
    if (keys.length === 0) return;
    this.noting = this.noting
      .then(() => this.maintenance.markPublished(keys, RECHECK_MS))
      .catch((error: Error) => this.log.debug({ err: error.message }, "confirms could not be noted"));
  }
}
