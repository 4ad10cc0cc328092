import type { Log } from "../../log";
import type { DueResponse, MaintenanceStore } from "../../store/store";
import { Silence } from "./silence";

/**
 * Leases that nobody serves: their managers are dead, or have lost track of them. Both are judged by what this process has itself seen
 * while it leads and the database is there. While it is away nobody can write a heartbeat: what was seen before that counts for nothing.
 */
export class Leases {
  private readonly silence = new Silence();
  /** Overdue ones, and since when (monotonic). */
  private readonly overdue = new Map<string, number>();

  /** @param patienceMs how long an overdue attempt may take to be confirmed by its manager */
  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly patienceMs: number,
    private readonly log: Log,
  ) {}

  /** Others lead, or the database was away. */
  forget(): void {
    this.silence.forget();
    this.overdue.clear();
  }

  /** How long until a manager may have to be declared dead. */
  get nextDeathMs(): number {
    return this.silence.leftMs;
  }

  /** Declares managers dead; to be called every second or so, and when one may have to be. @param now monotonic milliseconds */
  async reap(now: number): Promise<void> {
    for (const manager of await this.maintenance.reap(this.silence.of(await this.maintenance.heartbeats(), now))) {
      this.log.warn(
        { endpoint: manager.endpoint, manager_id: manager.id, host: manager.host, pid: manager.pid },
        "a manager has sent no heartbeat for its time to live; what it ran is attempted again",
      );
    }
  }

  /** Ends what lost its manager. */
  async reclaim(rows: readonly DueResponse[]): Promise<void> {
    const leases = rows.map((row) => ({
      taskId: row.taskId,
      endpoint: row.endpoint,
      job: row.job,
      leaseId: row.leaseId!,
      version: row.version,
      reason: "crash",
      error: `The manager that ran it at ${row.performer ?? row.endpoint} is gone (attempt ${row.attempt} of ${row.attempts}).`,
    }));
    await this.maintenance.reclaim(leases);
    for (const row of rows) {
      this.log.warn(
        { task_id: row.taskId, endpoint: row.performer ?? row.endpoint, attempt: row.attempt },
        "an attempt was lost with its manager",
      );
    }
  }

  /**
   * What has run far beyond its timeout although its manager lives: either that has lost track of it, or the database's clock has made a
   * step, and then the manager confirms it. It has time for that. @param now monotonic milliseconds
   */
  async await(rows: readonly DueResponse[], now: number): Promise<void> {
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
