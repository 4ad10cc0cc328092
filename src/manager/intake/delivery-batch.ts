import type { KnownTask } from "../../model/message";
import { killPoint } from "../../testing/kill-points";
import type { Delivery } from "../../transport/transport";

/** One task (and job) of a delivery, from its arrival to its settlement. */
export interface Item {
  taskId: string;
  job: string;
  priority: number;
  /** Which run of the response its message is for; null: the message does not say. */
  generation: number | null;
  /** What its message tells under seal. */
  known: KnownTask | null;
  /** It may begin before its claim (`claim: late`). */
  mayBegin: boolean;
  parcel: DeliveryBatch;
  /** Monotonic milliseconds of its arrival. */
  since: number;
  /** The store has been told that it waits here. */
  reported: boolean;
  /** The store would bring it back by itself: a verified lease, or a reported wait. */
  secured: boolean;
}

/**
 * What names an item among all that a manager has at hand. The task's id itself for most: it is hashed once. A response that has been
 * opened anew is another item: the message of its former generation may still wait here.
 */
export function itemKey({ taskId, job, generation }: Pick<Item, "taskId" | "job" | "generation">): string {
  if (generation !== null && generation > 1) return `${taskId} ${job} ${generation}`;
  return job === "" ? taskId : `${taskId} ${job}`;
}

/**
 * A delivery and its items. It is settled once, when nothing of it is open any more:
 *
 *   all items done (committed or not ours)       → ack
 *   some given back by a drain                   → release: another consumer gets all, the claims sort out what is done
 *   what waits is to go elsewhere at once        → hand over: the same, without waiting for what runs here under its lease
 *   open items left, but each of them secured    → ack early, so that no consumer timeout can hit a long attempt
 */
export class DeliveryBatch {
  private open: number;
  private secured = 0;
  private givenBack = false;
  private settled = false;

  constructor(
    private readonly delivery: Delivery,
    size: number,
    private readonly onEarlyAck: () => void,
  ) {
    this.open = size;
  }

  /** Nothing more is to be done for the item here. */
  done(item: Item): void {
    this.open--;
    if (item.secured) this.secured--;
    this.settle();
  }

  /** The item was not done and shall be delivered to somebody. */
  giveBack(item: Item): void {
    this.givenBack = true;
    this.done(item);
  }

  /**
   * Nothing of it waits here any more, and somebody shall get what has waited. What is claimed here goes on: the lease keeps
   * others off it, and should it be lost the store offers it again.
   */
  handOver(): void {
    if (this.settled) return;
    this.settled = true;
    this.delivery.release();
  }

  /** The store owns the item's recovery from now on. */
  secure(item: Item): void {
    if (item.secured) return;
    item.secured = true;
    this.secured++;
    this.settle();
  }

  private settle(): void {
    if (this.settled || this.open > this.secured) return;
    this.settled = true;
    if (this.open > 0) this.onEarlyAck();
    if (this.givenBack) {
      this.delivery.release();
      return;
    }
    killPoint("before-ack");
    this.delivery.ack();
  }
}
