import type { TaskTypeConfig } from "../../config/config";
import type { Runner } from "../runners/runner";
import type { ReceivedTask } from "./delivery-batch";
import { LocalQueue } from "./local-queue";

/**
 * Where the tasks of one (type, job) wait for a slot and run: the jobs of a type do not take slots
 * from each other.
 */
export class JobSlots {
  readonly waiting = new LocalQueue();
  private busy = 0;

  /** @param onFree called when a slot has become free */
  constructor(
    readonly type: TaskTypeConfig,
    readonly job: string,
    readonly runner: Runner,
    private readonly onFree: () => void,
  ) {}

  get free(): number {
    return this.type.concurrency - this.busy;
  }

  /** Takes the next task that waits, and a slot for it; undefined: there is no slot or no task. */
  take(): ReceivedTask | undefined {
    if (this.free <= 0) return undefined;
    const task = this.waiting.shift();
    if (task) this.busy++;
    return task;
  }

  /** The slot of a task that was taken is free again. */
  release(): void {
    this.busy--;
    this.onFree();
  }
}

/** The slots of a manager, made from the config at its start. */
export class ManagerSlots {
  private readonly byType = new Map<string, Map<string, JobSlots>>();
  private readonly every: readonly JobSlots[];
  private readonly listeners: Array<() => void> = [];

  constructor(
    readonly types: readonly TaskTypeConfig[],
    runnerFor: (type: TaskTypeConfig, job: string | null) => Runner,
  ) {
    const changed = () => this.changed();
    for (const type of types) {
      const jobs = type.jobs.length > 0 ? type.jobs : [""];
      const ofType = new Map(jobs.map((job) => [job, new JobSlots(type, job, runnerFor(type, job || null), changed)]));
      this.byType.set(type.name, ofType.set(UNKNOWN_JOB, new JobSlots(type, UNKNOWN_JOB, unknownJobRunner, changed)));
    }
    this.every = [...this.byType.values()].flatMap((ofType) => [...ofType.values()]);
  }

  /** Calls the listener whenever a task has come or a slot has become free. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }

  /**
   * The slots of the job; for a job that the config does not have, the one that fails it with its
   * reason.
   */
  of(type: string, job: string): JobSlots | undefined {
    const ofType = this.byType.get(type);
    return ofType?.get(job) ?? ofType?.get(UNKNOWN_JOB);
  }

  ofType(type: string): JobSlots[] {
    return [...(this.byType.get(type)?.values() ?? [])];
  }

  all(): readonly JobSlots[] {
    return this.every;
  }

  /** Tasks that wait here for a slot. */
  get waiting(): number {
    return this.every.reduce((sum, slots) => sum + slots.waiting.size, 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.every.map((slots) => slots.runner.close()));
  }
}

/** No name: a job cannot be called so. */
const UNKNOWN_JOB = "*";

/**
 * Fails what no configured job stands for; another manager with a newer config may still perform a
 * later attempt.
 */
const unknownJobRunner: Runner = {
  run: async (grant) => ({
    kind: "failed",
    reason: "handler_not_found",
    error: `The task type "${grant.type}" has no job "${grant.job}" in the config of the manager of "${grant.performer}". Give the manager the same config as the API and restart it.`,
    permanent: false,
    result: null,
    resultText: null,
  }),
  close: async () => undefined,
};
