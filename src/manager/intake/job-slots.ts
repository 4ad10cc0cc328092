import type { TaskTypeConfig } from "../../config/config";
import type { Runner } from "../runners/runner";
import { LocalQueue } from "./local-queue";

/** Where the tasks of one (type, job) wait for a slot and run: the jobs of a type do not take slots from each other. */
export class JobSlots {
  readonly waiting = new LocalQueue();
  /** Slots taken: being claimed or running. */
  busy = 0;

  constructor(
    readonly type: TaskTypeConfig,
    readonly job: string,
    readonly runner: Runner,
  ) {}

  get free(): number {
    return this.type.concurrency - this.busy;
  }
}

/** The slots of a manager, made from the config at its start. */
export class ManagerSlots {
  private readonly byType = new Map<string, Map<string, JobSlots>>();
  private readonly every: readonly JobSlots[];

  /** @param unknownJob performs what names a job that the config does not have */
  constructor(
    types: readonly TaskTypeConfig[],
    runnerFor: (type: TaskTypeConfig, job: string | null) => Runner,
    unknownJob: Runner,
  ) {
    for (const type of types) {
      const jobs = type.jobs.length > 0 ? type.jobs : [""];
      const allSlots = new Map(jobs.map((job) => [job, new JobSlots(type, job, runnerFor(type, job || null))]));
      this.byType.set(type.name, allSlots.set(UNKNOWN_JOB, new JobSlots(type, UNKNOWN_JOB, unknownJob)));
    }
    this.every = [...this.byType.values()].flatMap((allSlots) => [...allSlots.values()]);
  }

  /** The slots of the job; for a job that the config does not have, the one that fails it with its reason. */
  of(type: string, job: string): JobSlots | undefined {
    const allSlots = this.byType.get(type);
    return allSlots?.get(job) ?? allSlots?.get(UNKNOWN_JOB);
  }

  ofType(type: string): JobSlots[] {
    return [...(this.byType.get(type)?.values() ?? [])];
  }

  all(): readonly JobSlots[] {
    return this.every;
  }

  get types(): TaskTypeConfig[] {
    return [...this.byType.values()].map((allSlots) => [...allSlots.values()][0]!.type);
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((slots) => slots.runner.close()));
  }
}

/** No name: a job cannot be called so. */
const UNKNOWN_JOB = "*";

/** Fails what no configured job stands for; another manager with a newer config may still perform a later attempt. */
export const unknownJobRunner: Runner = {
  run: async (work) => ({
    kind: "failed",
    reason: "handler_not_found",
    error: `The task type "${work.type}" has no job "${work.job ?? ""}" in the config of the manager of "${work.endpoint}". Give the manager the same config as the API and restart it.`,
    permanent: false,
    result: null,
    resultText: null,
  }),
  close: async () => undefined,
};
