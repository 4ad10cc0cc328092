import { groupBy } from "../../group-by";
import type { DueResponse, MaintenanceStore } from "../../store/store";
import { type Action, decide, untilNextMoment } from "./decide";
import type { Duty } from "./duty";
import type { Leases } from "./leases";
import type { Republisher } from "./republish";

const PAGE = 500;
/** Their rows may have ended, with the end on its way. */
const AFTER_REPORTS: ReadonlySet<Action> = new Set<Action>(["reclaim", "reclaimLater", "recheck", "publish"]);
/** So long rests what waits for reports that are not recorded yet. */
const UNRECORDED_MS = 1000;

/**
 * Open responses by `due_at`, "when to look at this response next". Each row of a page becomes one
 * of a few actions (decide.ts), and each action moves the mark.
 */
export class DueResponses implements Duty {
  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly leases: Leases,
    private readonly republisher: Republisher,
    /** reports.ts */
    private readonly allRecorded: () => Promise<boolean>,
  ) {}

  async work(now: number): Promise<boolean> {
    const due = await this.maintenance.due(PAGE);
    const byAction = groupBy(due, decide);
    const actions: Record<Action, (rows: DueResponse[]) => Promise<void>> = {
      miss: (rows) => this.maintenance.markMissed(rows),
      withdraw: (rows) => this.maintenance.withdraw(rows),
      reclaim: (rows) => this.leases.reclaim(rows),
      reclaimLater: (rows) => this.leases.reclaimLater(rows, now),
      postpone: (rows) => this.postpone(rows),
      recheck: (rows) => this.republisher.recheck(rows),
      publish: (rows) => this.republisher.publish(rows),
      settle: async () => {},
    };
    const wait = [...byAction.keys()].some((action) => AFTER_REPORTS.has(action)) && !(await this.allRecorded());
    for (const action of Object.keys(actions) as Action[]) {
      const rows = byAction.get(action);
      if (!rows) continue;
      if (wait && AFTER_REPORTS.has(action))
        await this.maintenance.postpone(rows.map((row) => ({ ...row, ms: UNRECORDED_MS })));
      else await actions[action](rows);
    }
    await this.settle(due, byAction);
    return due.length === PAGE;
  }

  private postpone(rows: DueResponse[]): Promise<void> {
    return this.maintenance.postpone(rows.map((row) => ({ ...untilNextMoment(row), touch: row.status === "running" })));
  }

  /**
   * Last: a task's status counts what has just been done. Past its wait an unreceived response
   * makes it incomplete.
   */
  private async settle(due: DueResponse[], byAction: ReadonlyMap<Action, DueResponse[]>): Promise<void> {
    const changed = due.filter((row) => row.status !== "expected" || row.waitOver);
    for (const action of ["miss", "withdraw"] as const) changed.push(...(byAction.get(action) ?? []));
    const taskIds = new Set(changed.map((row) => row.taskId));
    if (taskIds.size > 0) await this.maintenance.storeStatus([...taskIds]);
  }
}
