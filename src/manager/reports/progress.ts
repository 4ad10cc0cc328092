import type { Grant, LeaseRef } from "../../store/store";
import type { ManagerContext } from "../context";

const MAX_MESSAGE = 500;
const SIZE = 200;

type Report = LeaseRef & { progress: number; message: string | null };

/**
 * Progress of running attempts: of each only the latest is kept, and all go out together a few
 * times a second.
 */
export class ProgressReports {
  private reports = new Map<string, Report>();
  private writing = false;

  constructor(private readonly context: ManagerContext) {}

  report(grant: Grant, fraction: number, message: string | null): void {
    const { taskId, endpoint, job, leaseId } = grant;
    const progress = Math.min(1, Math.max(0, Number(fraction) || 0));
    const text = message === null ? null : String(message).slice(0, MAX_MESSAGE).toWellFormed();
    this.reports.set(keyOf(grant), { taskId, endpoint, job, leaseId, progress, message: text });
  }

  /** The attempt has ended; what it said last would come after its end. */
  forget(grant: Grant): void {
    if (this.reports.size > 0) this.reports.delete(keyOf(grant));
  }

  /**
   * Writes what has gathered. While the store is away nothing is lost but what newer reports
   * replace anyway.
   */
  async flush(): Promise<void> {
    if (this.writing || this.reports.size === 0) return;
    this.writing = true;
    const batch = [...this.reports].slice(0, SIZE);
    for (const [key] of batch) this.reports.delete(key);
    try {
      await this.context.store.progress(batch.map(([, report]) => report));
    } catch (error) {
      this.context.log.debug({ err: (error as Error).message }, "cannot write progress now");
      for (const [key, report] of batch) if (!this.reports.has(key)) this.reports.set(key, report);
    } finally {
      this.writing = false;
    }
  }
}

function keyOf(grant: Grant): string {
  return grant.leaseId + grant.taskId + grant.job;
}
