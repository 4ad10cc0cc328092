import type { Endpoint, Health, Page, TaskSummary } from "../../../client/types";
import { listEndpoints, listTasks, readHealth } from "../../api/calls";

/** The newest tasks, on which the charts are based. */
export const LOOKED_AT = 500;

export interface Overview {
  newest: TaskSummary[];
  /** There are no older ones. */
  complete: boolean;
  incomplete: Page<TaskSummary>;
  failed: Page<TaskSummary>;
  open: Page<TaskSummary>;
  endpoints: Endpoint[];
  health: Health | null;
}

export async function loadOverview(signal: AbortSignal): Promise<Overview> {
  const [newest, incomplete, failed, open, endpoints, health] = await Promise.all([
    newestTasks(signal),
    listTasks({ status: "incomplete", limit: 100 }, signal),
    listTasks({ status: "failed", limit: 100, created_after: new Date(Date.now() - 86_400_000).toISOString() }, signal),
    listTasks({ status: "pending,running,scheduled", limit: 100 }, signal),
    listEndpoints(signal),
    readHealth(signal).catch(() => null),
  ]);
  return { ...newest, incomplete, failed, open, endpoints: endpoints.items, health };
}

/** Older tasks do not change, so later reads stop at the first page without changes. */
const known = new Map<string, TaskSummary>();

async function newestTasks(signal: AbortSignal): Promise<{ newest: TaskSummary[]; complete: boolean }> {
  const found: TaskSummary[] = [];
  for (let after: string | null = null; found.length < LOOKED_AT; ) {
    const page: Page<TaskSummary> = await listTasks({ limit: 100, after }, signal);
    found.push(...page.items);
    if (!page.next) return remember(found, true);
    after = page.next;
    const rest = older(found.at(-1)!.id, LOOKED_AT - found.length);
    if (rest) return remember([...found, ...rest], false);
  }
  return remember(found, false);
}

/** The tasks below `id` if all are settled; null: they must be read again. */
function older(id: string, count: number): TaskSummary[] | null {
  if (!known.has(id)) return null;
  const rest = [...known.values()].filter((task) => task.id < id).slice(0, count);
  return rest.length === count && rest.every((task) => task.finished_at !== null) ? rest : null;
}

function remember(newest: TaskSummary[], complete: boolean): { newest: TaskSummary[]; complete: boolean } {
  known.clear();
  for (const task of newest) known.set(task.id, { ...task, payload: null });
  return { newest, complete };
}
