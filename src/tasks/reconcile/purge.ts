import type { Log } from "../../log";
import type { MaintenanceStore } from "../../store/store";
import { type Duty, Every } from "./duty";
import type { Leftovers } from "./leftovers";

const MAX_EVERY_MS = 60_000;
const MIN_EVERY_MS = 1000;
const PAGE = 500;

/** Deletes finished tasks past their type's keep time, while nothing else is to be done. */
export class Purge implements Duty {
  private readonly every = new Every();

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly leftovers: Pick<Leftovers, "types">,
    private readonly log: Log,
  ) {}

  async work(now: number, busy: boolean): Promise<boolean> {
    if (busy || !this.every.due(now, this.everyMs())) return false;
    for (const { name, keepMs } of this.leftovers.types()) {
      if (keepMs === null) continue;
      const deleted = await this.maintenance.purge(name, keepMs, PAGE);
      if (deleted === PAGE) this.every.hurry();
      if (deleted > 0) this.log.info({ type: name, tasks: deleted }, "deleted finished tasks past their keep time");
    }
    return false;
  }

  /** Often enough that nothing outstays its keep time by more than a tenth of it. */
  private everyMs(): number {
    const keeps = this.leftovers.types().map(({ keepMs }) => keepMs ?? Number.POSITIVE_INFINITY);
    return Math.min(MAX_EVERY_MS, Math.max(MIN_EVERY_MS, Math.min(...keeps) / 10));
  }
}
