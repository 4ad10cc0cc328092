import type { KnownTask } from "../../model/message";
import type { Claim } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import type { Delivery } from "../../transport/transport";

/**
 * A task (and job) of a delivery, from its arrival until nothing more is to be done for it here; it
 * claims its response.
 */
export interface ReceivedTask extends Claim {
  type: string;
  priority: number;
  /** Null: the message does not say. */
  generation: number | null;
  known: KnownTask | null;
  /** It may begin before its claim (`claim: late`). */
  mayBegin: boolean;
  batch: DeliveryBatch;
  /** When it arrived, monotonic milliseconds. */
  since: number;
  /** The store knows that it waits here. */
  reported: boolean;
  /** The reconciler would offer it again: a verified lease, or a reported wait. */
  secured: boolean;
}

/**
 * Names a received task among all of a manager. Mostly that is the task's id itself, which is
 * hashed once. A response that has been opened anew has a name of its own: the message of its
 * former generation may still wait here.
 */
export function nameOf({ taskId, job, generation }: Pick<ReceivedTask, "taskId" | "job" | "generation">): string {
  if (generation !== null && generation > 1) return `${taskId} ${job} ${generation}`;
  return job === "" ? taskId : `${taskId} ${job}`;
}

/**
 * A delivery and its tasks. It is settled once, when none of its tasks is open any more:
 *
 *   all tasks done (committed or not ours)     → ack
 *   some given back by a drain                 → release: another consumer gets all, and the claims
 *                                                sort out what is done
 *   what waits is to go elsewhere at once      → hand over: the same, without waiting for what runs
 *                                                here under its lease
 *   open tasks left, but each of them secured  → ack early: no consumer timeout hits a long attempt
 */
export class DeliveryBatch {
  private open: number;
  private secured = 0;
  private givenBack = false;
  private settled = false;

  constructor(
    private readonly delivery: Delivery,
    size: number,
    private readonly counters: { ackedEarly: number },
  ) {
    this.open = size;
  }

  /** Nothing more is to be done for the task here. */
  done(task: ReceivedTask): void {
    this.open--;
    if (task.secured) this.secured--;
    this.settle();
  }

  /** The task was not performed and is delivered again. */
  giveBack(task: ReceivedTask): void {
    this.givenBack = true;
    this.done(task);
  }

  /**
   * None of its tasks waits here any more, and somebody else is to get those that have waited. What
   * is claimed here goes on: the lease keeps others off it, and should it be lost the store offers
   * it again.
   */
  handOver(): void {
    if (this.settled) return;
    this.settled = true;
    this.delivery.release();
  }

  /** The store owns the task's recovery from now on. */
  secure(task: ReceivedTask): void {
    if (task.secured) return;
    task.secured = true;
    this.secured++;
    this.settle();
  }

  private settle(): void {
    if (this.settled || this.open > this.secured) return;
    this.settled = true;
    if (this.open > 0) this.counters.ackedEarly++;
    if (this.givenBack) {
      this.delivery.release();
      return;
    }
    killPoint("before-ack");
    this.delivery.ack();
  }
}
