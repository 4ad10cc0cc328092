import { backoffMs, pause, RECONNECT } from "../../backoff";
import { newId } from "../../model/ids";
import { type ClaimAnswer, knownGrant, type Refusal } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import type { ManagerContext } from "../context";
import type { ReceivedTask } from "../intake/delivery-batch";
import type { JobSlots, ManagerSlots } from "../intake/job-slots";
import type { Subscriptions } from "../intake/subscriptions";
import type { Registration } from "../lifecycle/registration";
import type { Executor } from "./executor";

/** Rows in one claim; more would hold the row locks of others too long. */
const SIZE = 100;
const HOLD = "the store does not take claims";

/** A waiting task and the slot it has taken. */
interface Candidate {
  slots: JobSlots;
  task: ReceivedTask;
}

/**
 * Waiting → claimed, or begun where the type says `claim: late`. Tasks are taken only for free
 * slots, and one call is under way at a time: what becomes free or arrives meanwhile shares the
 * next one, so that batches grow with the load and a single task does not wait.
 *
 * While the store is away the batch is kept, consuming is held, and the same call is repeated once
 * a heartbeat has been answered: if it was committed and only its answer was lost, the repetition
 * is granted what this manager holds already. Where the manager was declared dead meanwhile, its
 * next incarnation asks; what the former one was granted is attempted again.
 */
export class Claimer {
  private working = false;
  private underWay: Promise<void> = Promise.resolve();
  private scheduled = false;
  private open = true;

  constructor(
    private readonly context: ManagerContext,
    private readonly allSlots: ManagerSlots,
    private readonly registration: Registration,
    private readonly subscriptions: Pick<Subscriptions, "hold" | "unhold">,
    private readonly executor: Pick<Executor, "start" | "begin" | "giveBack">,
  ) {
    allSlots.onChange(() => this.wake());
    registration.on("sure", () => this.wake());
  }

  /** There may be something to claim: looks at the end of this turn of the loop. Cheap. */
  wake(): void {
    if (this.scheduled || this.working) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.working) this.underWay = this.work();
    });
  }

  /**
   * Claims nothing more. Resolves when no call is under way; what it was still granted has been
   * given back.
   */
  async close(): Promise<void> {
    this.open = false;
    await this.underWay;
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let batch = this.gather(); batch.length > 0; batch = this.gather()) {
      const unclaimed = this.begin(batch);
      if (unclaimed.length > 0) await this.claim(unclaimed);
    }
    // In the same turn as the look that found nothing: a wake in between would be lost.
    this.working = false;
  }

  /** Waiting tasks for free slots, the highest priority of each job first. */
  private gather(): Candidate[] {
    const batch: Candidate[] = [];
    if (!this.open || this.registration.sure() === null) return batch;
    for (const slots of this.allSlots.all()) {
      for (let task = slots.take(); task; task = slots.take()) {
        batch.push({ slots, task });
        if (batch.length === SIZE) return batch;
      }
    }
    return batch;
  }

  /** Starts what may begin before its claim; returns the others. */
  private begin(batch: Candidate[]): Candidate[] {
    const leaseId = newId();
    const managerId = this.registration.sure();
    return batch.filter(({ slots, task }) => {
      // A reported task has another version, so its claim could not be made with its end.
      if (!task.mayBegin || task.reported || managerId === null) return true;
      const grant = knownGrant(task, this.context.endpoint, leaseId);
      if (this.executor.begin(task, grant, slots, managerId)) this.context.counters.begun++;
      else this.refused(task, slots, "held");
      return false;
    });
  }

  private async claim(batch: Candidate[]): Promise<void> {
    killPoint("before-claim");
    const answered = await this.ask(batch.map(({ task }) => task));
    if (answered === null) {
      for (const { slots, task } of batch) {
        slots.release();
        task.batch.giveBack(task);
      }
      return;
    }
    killPoint("after-claim");
    const usable = this.open && answered.managerId === this.registration.sure();
    for (const [i, { slots, task }] of batch.entries()) {
      const answer = answered.answers[i]!;
      if (!answer.granted) {
        this.refused(task, slots, answer.why);
        continue;
      }
      this.context.counters.granted++;
      if (usable) this.executor.start(task, answer, slots);
      else this.executor.giveBack(task, answer, slots);
    }
  }

  /** Null: the manager stopped before there was an answer. */
  private async ask(tasks: ReceivedTask[]): Promise<{ answers: ClaimAnswer[]; managerId: string } | null> {
    const { endpoint, store, log, counters, over } = this.context;
    for (let tries = 1; ; tries++) {
      // If it is another one by the time of the answer, its leases are not to be trusted.
      const managerId = this.registration.sure();
      try {
        if (managerId !== null) {
          counters.claimCalls++;
          const answers = await store.claim(managerId, endpoint, tasks);
          this.subscriptions.unhold(HOLD);
          return { answers, managerId };
        }
      } catch (error) {
        void this.subscriptions.hold(HOLD);
        this.registration.doubt();
        if (tries % 20 === 1)
          log.warn({ endpoint, err: (error as Error).message }, "cannot claim now; what has arrived waits");
      }
      if (!this.open || over.aborted) return null;
      await pause(backoffMs(tries, RECONNECT), over);
    }
  }

  /** Nothing is to be done here, or not now; the reconciler publishes it again if that changes. */
  private refused(task: ReceivedTask, slots: JobSlots, why: Refusal): void {
    this.context.counters[REFUSED[why]]++;
    slots.release();
    task.batch.done(task);
  }
}

const REFUSED = {
  unknown: "refusedUnknown",
  final: "refusedFinal",
  held: "refusedHeld",
  not_due: "refusedNotDue",
} as const;
