import type { Log } from "../../log";
import type { DueResponse, MaintenanceStore } from "../../store/store";
import { type Duty, Every } from "./duty";
import { Silence } from "./silence";

const REAP_EVERY_MS = 1000;

/**
 * Leases without an owner: their managers are dead, or have lost track of them. Both are judged
 * by what this process has seen itself while it leads and the database answers. No
 * heartbeat can arrive while the database, the broker or the recorder is unavailable: earlier
 * observations do not count.
 */
export class Leases implements Duty {
  private readonly silence = new Silence();
  private readonly every = new Every();
  /** Overdue attempts, and since when (monotonic milliseconds). */
  private readonly overdue = new Map<string, number>();

  /** @param patienceMs how long a manager may take to confirm an overdue attempt */
  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly patienceMs: number,
    private readonly log: Log,
    /** Whether managers that report over the broker can be heard (reports.ts). */
    private readonly heard: () => boolean = () => true,
  ) {}

  resign(): void {
    this.silence.forget();
    this.overdue.clear();
  }

  failed(): void {
    this.resign();
  }

  /** Declares managers dead: every second, and sooner when the time to live of one runs out. */
  async work(now: number): Promise<boolean> {
    if (!this.every.due(now, Math.min(REAP_EVERY_MS, this.silence.leftMs))) return false;
    if (!this.heard()) {
      this.silence.forget();
      return false;
    }
    for (const manager of await this.maintenance.declareDead(
      this.silence.of(await this.maintenance.heartbeats(), now),
    )) {
      this.log.warn(
        { endpoint: manager.endpoint, manager_id: manager.id, host: manager.host, pid: manager.pid },
        "a manager has sent no heartbeat for its time to live; what it ran is attempted again",
      );
    }
    return false;
  }

  /** Ends attempts that lost their manager. */
  async reclaim(rows: readonly DueResponse[]): Promise<void> {
    const at = (row: DueResponse) => row.performer ?? row.endpoint;
    await this.maintenance.reclaim(
      rows.map((row) => ({
        ...row,
        leaseId: row.leaseId!,
        reason: "crash",
        error: `The manager that ran it at ${at(row)} is gone (attempt ${row.attempt} of ${row.attempts}).`,
      })),
    );
    for (const row of rows) {
      this.log.warn(
        { task_id: row.taskId, endpoint: at(row), attempt: row.attempt },
        "an attempt was lost with its manager",
      );
    }
  }

  /**
   * For attempts that have run far beyond their timeout although their manager lives. Either the
   * manager has lost track of them, or the database's clock has made a step, and the manager will
   * confirm them. They are reclaimed unless it does within its time.
   */
  async reclaimLater(rows: readonly DueResponse[], now: number): Promise<void> {
    for (const [key, since] of this.overdue) if (now - since > 10 * this.patienceMs) this.overdue.delete(key);
    const lost: DueResponse[] = [];
    const waiting: DueResponse[] = [];
    for (const row of rows) {
      const key = `${row.leaseId} ${row.taskId} ${row.endpoint} ${row.job} ${row.version}`;
      const since = this.overdue.get(key) ?? now;
      this.overdue.set(key, since);
      (now - since >= this.patienceMs ? lost : waiting).push(row);
    }
    if (lost.length > 0) await this.reclaim(lost);
    if (waiting.length > 0) await this.maintenance.postpone(waiting.map((row) => ({ ...row, ms: this.patienceMs })));
  }
}
