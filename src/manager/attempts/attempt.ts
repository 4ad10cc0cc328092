import type { SubmitRequest } from "../../model/handler";
import type { AttemptEnd, Grant, LateClaim } from "../../store/store";
import type { ReceivedTask } from "../intake/delivery-batch";
import type { JobSlots } from "../intake/job-slots";
import type { AttemptLog } from "../reports/logs";
import type { Reports } from "../reports/reports";
import type { RunHooks } from "../runners/runner";
import { Stop } from "../runners/stop";
import type { Outcome } from "./outcome";

/**
 * One attempt under its lease, from the grant to its end. What its runner reports goes to the
 * manager's reports.
 */
export class Attempt implements RunHooks {
  readonly stop = new Stop();
  readonly startedAt = performance.now();
  readonly beganUnclaimed: boolean;
  /** The store knows that it runs. */
  reported = false;
  /** The call that claims it after it began; never rejects. */
  claiming: Promise<void> | null = null;
  private attemptLog: AttemptLog | null = null;
  private kept: (() => void) | null = null;

  /** @param begunBy the incarnation that began it before its claim; null: it is claimed */
  constructor(
    readonly task: ReceivedTask,
    readonly grant: Grant,
    readonly slots: JobSlots,
    private readonly reports: Reports,
    private begunBy: string | null = null,
  ) {
    this.beganUnclaimed = begunBy !== null;
  }

  get isClaimed(): boolean {
    return this.begunBy === null;
  }

  /** The store has answered to its claim. */
  claimed(): void {
    this.begunBy = null;
    this.kept?.();
    this.kept = null;
  }

  progress(fraction: number, message: string | null): void {
    const report = () => this.reports.progress.report(this.grant, fraction, message);
    // A report needs the lease; before the claim the last one is kept.
    if (this.isClaimed) report();
    else this.kept = report;
  }

  log(text: string): void {
    this.attemptLog ??= this.reports.logs.open(this.grant);
    this.attemptLog.write(text);
  }

  submit(type: string, request: SubmitRequest): Promise<{ id: string }> {
    return this.reports.submit(this.slots.type, type, request, this.stop.signal);
  }

  /**
   * After the handler's end. Resolves when its log is in the store, or after a second; null: there
   * is nothing to wait for.
   */
  closeReports(): Promise<void> | null {
    this.reports.progress.forget(this.grant);
    return this.attemptLog && this.reports.logs.drain();
  }

  /** The outcome under the lease. An attempt that has not been claimed brings its claim along. */
  endWith(outcome: Outcome): AttemptEnd {
    const { taskId, endpoint, job, leaseId, generation, attempt } = this.grant;
    const end: AttemptEnd = { taskId, endpoint, job, leaseId, generation, attempt, ...outcome };
    const claim = this.lateClaim();
    if (claim) end.claim = claim;
    return end;
  }

  private lateClaim(): LateClaim | null {
    if (this.begunBy === null) return null;
    const { performer, type } = this.grant;
    return { managerId: this.begunBy, performer, type, ranMs: performance.now() - this.startedAt };
  }
}
