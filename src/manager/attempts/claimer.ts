import { backoffMs, pause, RECONNECT } from "../../backoff";
import type { TaskTypeConfig } from "../../config/config";
import { newId } from "../../model/ids";
import { ANY_ENDPOINT } from "../../model/names";
import type { Claim, ClaimAnswer } from "../../store/store";
import { killPoint } from "../../testing/kill-points";
import type { ManagerContext } from "../context";
import type { Item } from "../intake/delivery-batch";
import type { JobSlots, ManagerSlots } from "../intake/job-slots";
import type { Grant } from "./attempt";

/** Rows in one claim; more would hold the row locks of others too long. */
const SIZE = 100;
const HOLD = "the store does not take claims";

interface Candidate {
  slots: JobSlots;
  item: Item;
}

/**
 * Waiting → claimed, or begun where the type says `claim: late`. Items are taken only for free slots, and one call is under way
 * at a time: what becomes free or arrives meanwhile shares the next one, so that batches grow with the load and a lone task
 * waits for nobody.
 *
 * While the store is away the batch is kept, consuming is held, and the very same call is repeated once a heartbeat has been answered:
 * had it been committed and only its answer lost, the repetition is granted what this manager holds already. Where the manager
 * was declared dead meanwhile, its next incarnation asks; what the former one had been granted is attempted again.
 */
export class Claimer {
  private working = false;
  private underWay: Promise<void> = Promise.resolve();
  private scheduled = false;
  private open = true;

  constructor(
    private readonly desk: ManagerContext,
    private readonly allSlots: ManagerSlots,
    private readonly parts: {
      /** The present incarnation; null while there is none, or whether it still is one has to be asked first. */
      managerId(): string | null;
      /** The store did not answer, or not this incarnation: a heartbeat goes before the next claim. */
      doubt(): void;
      hold(reason: string): void;
      unhold(reason: string): void;
      taken(item: Item): void;
      /** Performs it; the slot is the attempt's until its handler has ended. */
      start(item: Item, grant: Grant, slots: JobSlots): void;
      /** The same before the claim; false: it runs here already. */
      begin(item: Item, grant: Grant, slots: JobSlots, managerId: string): boolean;
      /** Gives a lease back that this manager must not use. */
      giveBack(item: Item, grant: Grant, slots: JobSlots): void;
    },
  ) {}

  /** There may be something to claim. Cheap; looks at the end of this turn of the loop. */
  wake(): void {
    if (this.scheduled || this.working) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.working) this.underWay = this.work();
    });
  }

  /** Claims nothing more. Resolves when no call is under way; what it was still granted has been given back. */
  async close(): Promise<void> {
    this.open = false;
    await this.underWay;
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let batch = this.gather(); batch.length > 0; batch = this.gather()) {
      const first = this.begin(batch);
      if (first.length > 0) await this.claim(first);
    }
    // In the same breath as the look that found nothing: a wake in between would be lost.
    this.working = false;
  }

  /** Free slots × waiting items, the highest priority of each job first. */
  private gather(): Candidate[] {
    const batch: Candidate[] = [];
    if (!this.open || this.parts.managerId() === null) return batch;
    for (const slots of this.allSlots.all()) {
      while (slots.free > 0 && batch.length < SIZE) {
        const item = slots.waiting.shift();
        if (!item) break;
        this.parts.taken(item);
        slots.busy++;
        batch.push({ slots, item });
      }
    }
    return batch;
  }

  /** Starts what may begin before its claim; returns the others. */
  private begin(batch: Candidate[]): Candidate[] {
    const leaseId = newId();
    const managerId = this.parts.managerId();
    return batch.filter(({ slots, item }) => {
      // What the store has been told of, something has happened to.
      if (!item.mayBegin || item.reported || managerId === null) return true;
      const grant = grantOf(item, slots.type, this.desk.endpoint, leaseId);
      if (this.parts.begin(item, grant, slots, managerId)) this.desk.counters.begun++;
      else this.refused(item, slots, "held");
      return false;
    });
  }

  private async claim(batch: Candidate[]): Promise<void> {
    killPoint("before-claim");
    const answered = await this.ask(batch);
    if (answered === null) {
      for (const { slots, item } of batch) {
        slots.busy--;
        item.parcel.giveBack(item);
      }
      return;
    }
    killPoint("after-claim");
    const usable = this.open && answered.managerId === this.parts.managerId();
    for (const [i, { slots, item }] of batch.entries()) {
      const answer = answered.answers[i]!;
      if (!answer.granted) {
        this.refused(item, slots, answer.why);
        continue;
      }
      this.desk.counters.granted++;
      if (usable) this.parts.start(item, answer, slots);
      else this.parts.giveBack(item, answer, slots);
    }
  }

  /** Null: the manager stopped before there was an answer. */
  private async ask(batch: Candidate[]): Promise<{ answers: ClaimAnswer[]; managerId: string } | null> {
    const { endpoint, store, log, counters, over } = this.desk;
    const claims = batch.map(({ item, slots }) => claimOf(item, slots.type, endpoint));
    for (let tries = 1; ; tries++) {
      // If it is another one by the time of the answer, its leases are not to be trusted.
      const managerId = this.parts.managerId();
      try {
        if (managerId !== null) {
          counters.claimCalls++;
          const answers = await store.claim(managerId, endpoint, claims);
          this.parts.unhold(HOLD);
          return { answers, managerId };
        }
      } catch (error) {
        this.parts.hold(HOLD);
        this.parts.doubt();
        if (tries % 20 === 1)
          log.warn({ endpoint, err: (error as Error).message }, "cannot claim now; what has arrived waits");
      }
      if (!this.open || over.aborted) return null;
      await pause(backoffMs(tries, RECONNECT), over);
    }
  }

  /** Nothing is to be done here, or not now; the reconciler publishes it again if that changes. */
  private refused(item: Item, slots: JobSlots, why: "unknown" | "final" | "held" | "not_due"): void {
    const { counters } = this.desk;
    if (why === "unknown") counters.refusedUnknown++;
    else if (why === "final") counters.refusedFinal++;
    else if (why === "held") counters.refusedHeld++;
    else counters.refusedNotDue++;
    slots.busy--;
    item.parcel.done(item);
  }
}

export function claimOf(item: Item, type: TaskTypeConfig, endpoint: string): Claim {
  const { taskId, job, known } = item;
  const generation = item.generation ?? undefined;
  if (known === null) return { taskId, job, type: type.name, generation };
  // Field by field: copying objects is dear, and this is done for every task.
  return {
    taskId,
    job,
    type: type.name,
    generation,
    known: {
      endpoint: keyOf(type, endpoint),
      identifier: known.identifier,
      payload: known.payload,
      traceparent: known.traceparent,
      version: known.version,
      attempt: known.attempt,
      attempts: known.attempts,
      generation: known.generation,
      timeoutMs: known.timeoutMs,
    },
  };
}

/** What the store would grant, from what the message tells. */
function grantOf({ taskId, job, known }: Item, type: TaskTypeConfig, endpoint: string, leaseId: string): Grant {
  return {
    granted: true,
    taskId,
    job,
    endpoint: keyOf(type, endpoint),
    leaseId,
    attempt: known!.attempt + 1,
    attempts: known!.attempts,
    generation: known!.generation,
    timeoutMs: known!.timeoutMs,
    identifier: known!.identifier,
    payload: known!.payload,
    traceparent: known!.traceparent,
  };
}

/** Of a type that anybody may perform the row is nobody's. */
function keyOf(type: TaskTypeConfig, endpoint: string): string {
  return type.deliver === "one" ? ANY_ENDPOINT : endpoint;
}
