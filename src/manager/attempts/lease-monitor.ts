import type { LeaseState } from "../../store/store";
import type { ManagerContext } from "../context";
import type { Registration } from "../lifecycle/registration";
import type { Attempt } from "./attempt";
import { LateClaims } from "./late-claims";

/** An attempt younger than this is not asked about: most have ended by then. */
const YOUNG_MS = 1000;
/** What still runs after this is reported to be under way. */
const REPORT_AFTER_MS = 500;
const SIZE = 200;

/**
 * Asks the store about what runs, all in a few calls a second: is its lease still held, has a
 * cancel been asked? What is cancelled or lost is stopped. What has run long under a held lease has
 * its delivery acked: the lease owns the recovery, and no broker's consumer timeout can hit it.
 *
 * The start of an attempt is reported once it has run for a while: most have ended by then, and
 * their start is no news any more. What began before its claim is claimed then.
 */
export class LeaseMonitor {
  private checking = false;
  private reporting = false;
  private readonly late: LateClaims;

  constructor(
    private readonly context: ManagerContext,
    private readonly running: Set<Attempt>,
    registration: Registration,
  ) {
    this.late = new LateClaims(context, registration);
    registration.on("taken", () => void this.check());
  }

  /** One round; skipped while the one before is not over. Never rejects. */
  async check(): Promise<void> {
    if (this.checking || this.running.size === 0) return;
    this.checking = true;
    const before = performance.now() - Math.min(YOUNG_MS, this.context.pace.sweepMs);
    const due = [...this.running].filter(
      ({ stop, isClaimed, startedAt }) => stop.cause === null && isClaimed && startedAt <= before,
    );
    try {
      for (let i = 0; i < due.length; i += SIZE) await this.checkSome(due.slice(i, i + SIZE));
    } catch (error) {
      this.context.log.debug({ err: (error as Error).message }, "cannot check leases now");
    } finally {
      this.checking = false;
    }
  }

  /** Reports what runs and has not been reported. Never rejects. */
  async report(): Promise<void> {
    if (this.reporting || this.running.size === 0) return;
    this.reporting = true;
    const before = performance.now() - REPORT_AFTER_MS;
    const old = [...this.running].filter(({ reported, startedAt }) => !reported && startedAt <= before);
    try {
      await this.late.claim(old.filter(({ isClaimed, stop }) => !isClaimed && stop.cause === null));
      const unreported = old.filter((attempt) => attempt.isClaimed && this.running.has(attempt));
      if (unreported.length > 0) await this.context.store.underWay(unreported.map(({ grant }) => grant));
      for (const attempt of unreported) attempt.reported = true;
    } catch (error) {
      this.context.log.debug({ err: (error as Error).message }, "cannot report now what is under way");
    } finally {
      this.reporting = false;
    }
  }

  private async checkSome(attempts: Attempt[]): Promise<void> {
    const states = await this.context.store.check(attempts.map(({ grant }) => grant));
    const overdue: Attempt[] = [];
    attempts.forEach((attempt, i) => {
      if (!this.running.has(attempt)) return;
      if (states[i] === "overdue") overdue.push(attempt);
      this.apply(attempt, states[i]!);
    });
    if (overdue.length > 0) await this.confirm(overdue);
  }

  /** The database's clock has made a step: by ours they have time left, or are being ended. */
  private confirm(attempts: readonly Attempt[]): Promise<void> {
    const now = performance.now();
    const leftMs = ({ grant, startedAt }: Attempt) => Math.max(0, grant.timeoutMs - (now - startedAt));
    return this.context.store.confirm(attempts.map((attempt) => ({ ...attempt.grant, leftMs: leftMs(attempt) })));
  }

  private apply(attempt: Attempt, state: LeaseState): void {
    const { counters, endpoint, log, pace } = this.context;
    const { task, grant, startedAt, stop } = attempt;
    const fields = { task_id: grant.taskId, endpoint, attempt: grant.attempt };
    if (state === "cancel") {
      log.info(fields, "stopping a running attempt: its task is cancelled");
      stop.notify("cancel");
    } else if (state === "lost") {
      counters.leasesLost++;
      log.warn(fields, "stopping a running attempt: its lease is lost");
      stop.notify("lease_lost");
    } else if (performance.now() - startedAt >= pace.earlyAckMs) task.batch.secure(task);
  }
}
