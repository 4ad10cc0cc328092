import type { DenseSet } from "../../dense-set";
import type { LeaseRef } from "../../store/store";
import type { ManagerContext } from "../context";
import type { Attempt } from "./attempt";
import type { LateClaims } from "./late-claims";

/** An attempt younger than this is not asked about: most have ended by then. */
const YOUNG_MS = 1000;
/** What still runs after so long is told of. */
const TELL_AFTER_MS = 500;
const SIZE = 200;

/**
 * Asks the store about what runs, all in a few calls a second: is its lease still held, has a cancel been asked? What is
 * cancelled or lost is told to stop. What has run long under a held lease has its delivery acked: the lease owns the
 * recovery, and no broker's consumer timeout can hit it.
 *
 * A start is told once the attempt has run for a while. Most have ended by then, and their start is no news any more. What has
 * begun before its claim is claimed then.
 */
export class LeaseMonitor {
  private asking = false;
  private telling = false;

  constructor(
    private readonly desk: ManagerContext,
    private readonly running: DenseSet<Attempt>,
    private readonly late: LateClaims,
  ) {}

  /** One round; skipped while the one before is not over. Never rejects. */
  async sweep(): Promise<void> {
    if (this.asking || this.running.size === 0) return;
    this.asking = true;
    try {
      const now = performance.now();
      const due = [...this.running].filter(
        (attempt) => attempt.stop.cause === null && attempt.late === null && now - attempt.startedAt >= this.youngMs,
      );
      for (let i = 0; i < due.length; i += SIZE) await this.ask(due.slice(i, i + SIZE));
    } catch (error) {
      this.desk.log.debug({ err: (error as Error).message }, "cannot check leases now");
    } finally {
      this.asking = false;
    }
  }

  /** Tells of what runs and has not been told of. Never rejects. */
  async tell(): Promise<void> {
    if (this.telling || this.running.size === 0) return;
    this.telling = true;
    const before = performance.now() - TELL_AFTER_MS;
    const old = [...this.running].filter((attempt) => !attempt.told && attempt.startedAt <= before);
    try {
      await this.late.claim(old.filter((attempt) => attempt.late !== null && attempt.stop.cause === null));
      const untold = old.filter((attempt) => attempt.late === null && this.running.has(attempt));
      if (untold.length > 0) await this.desk.store.underWay(untold.map(leaseOf));
      for (const attempt of untold) attempt.told = true;
    } catch (error) {
      this.desk.log.debug({ err: (error as Error).message }, "cannot tell now what is under way");
    } finally {
      this.telling = false;
    }
  }

  private get youngMs(): number {
    return Math.min(YOUNG_MS, this.desk.pace.sweepMs);
  }

  private async ask(attempts: Attempt[]): Promise<void> {
    const answers = await this.desk.store.check(attempts.map(leaseOf));
    const overdue: Attempt[] = [];
    for (const [i, attempt] of attempts.entries()) {
      if (!this.running.has(attempt)) continue;
      if (answers[i] === "overdue") overdue.push(attempt);
      this.heed(attempt, answers[i]!);
    }
    if (overdue.length > 0) await this.confirm(overdue);
  }

  /** The database's clock has made a step: by ours they have time left, or are being ended. */
  private confirm(attempts: readonly Attempt[]): Promise<void> {
    const now = performance.now();
    return this.desk.store.confirm(
      attempts.map((attempt) => {
        return { ...leaseOf(attempt), leftMs: Math.max(0, attempt.grant.timeoutMs - (now - attempt.startedAt)) };
      }),
    );
  }

  private heed(attempt: Attempt, answer: "held" | "cancel" | "overdue" | "lost"): void {
    if (answer === "held" || answer === "overdue") {
      this.held(attempt);
      return;
    }
    const fields = { task_id: attempt.grant.taskId, endpoint: this.desk.endpoint, attempt: attempt.grant.attempt };
    if (answer === "cancel") {
      this.desk.log.info(fields, "a running attempt is told to stop: its task is cancelled");
      attempt.stop.tell("cancel");
      return;
    }
    this.desk.counters.leasesLost++;
    this.desk.log.warn(fields, "a running attempt is told to stop: its lease is lost");
    attempt.stop.tell("lease_lost");
  }

  private held(attempt: Attempt): void {
    const ran = performance.now() - attempt.startedAt;
    if (ran >= this.desk.pace.earlyAckMs) attempt.item.parcel.secure(attempt.item);
  }
}

function leaseOf({ grant: { taskId, endpoint, job, leaseId } }: Attempt): LeaseRef {
  return { taskId, endpoint, job, leaseId };
}
