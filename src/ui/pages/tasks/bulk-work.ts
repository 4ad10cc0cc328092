import type { RetryStatus, TaskSummary } from "../../../client/types";
import { cancelTask, listTasks, retryTask } from "../../api/calls";
import { messageOf, type Query } from "../../api/http";

export type BulkAction = "retry" | "cancel";

const AT_ONCE = 4;

/** The tasks of the query that the action may change. `onPage` receives the tasks read. */
export async function findAll(
  query: Query,
  action: BulkAction,
  signal: AbortSignal,
  onPage: (count: number) => void,
): Promise<TaskSummary[]> {
  const found: TaskSummary[] = [];
  for (let after: string | null = null; ; ) {
    const page = await listTasks({ ...query, limit: 100, after }, signal);
    for (const task of page.items) if (worthIt(task, action)) found.push({ ...task, payload: null });
    onPage(page.items.length);
    if (!page.next) return found;
    after = page.next;
  }
}

export interface BulkProgress {
  done: number;
  /** Responses that were reopened, withdrawn or told to stop. */
  changed: number;
  failures: string[];
  over: boolean;
}

/** Applies it to all tasks, a few at once, until done or aborted. A refusal does not stop it. */
export async function workThrough(
  tasks: readonly TaskSummary[],
  act: (task: TaskSummary) => Promise<number>,
  signal: AbortSignal,
  onProgress: (progress: BulkProgress) => void,
): Promise<void> {
  const state: BulkProgress = { done: 0, changed: 0, failures: [], over: false };
  const queue = [...tasks];
  const worker = async () => {
    for (let task = queue.shift(); task && !signal.aborted; task = queue.shift()) {
      try {
        // Read after the await: the others count meanwhile.
        const changed = await act(task);
        state.changed += changed;
      } catch (failure) {
        state.failures.push(`${task.identifier}: ${messageOf(failure)}`);
      }
      state.done++;
      onProgress({ ...state });
    }
  };
  onProgress({ ...state });
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  onProgress({ ...state, over: true });
}

function worthIt(task: TaskSummary, action: BulkAction): boolean {
  const { completeness: c } = task;
  return action === "retry" ? c.failed + c.missing.length + c.cancelled > 0 : !c.complete;
}

/** The number of reopened responses. */
export async function retryOne(task: TaskSummary, statuses: RetryStatus[]): Promise<number> {
  return (await retryTask(task.type, task.id, { statuses })).reopened.length;
}

/** The number of responses withdrawn or told to stop. */
export async function cancelOne(task: TaskSummary): Promise<number> {
  const { outcomes } = await cancelTask(task.type, task.id);
  return outcomes.filter((one) => one.outcome !== "finished").length;
}
