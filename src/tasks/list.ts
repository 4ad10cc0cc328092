import { TaskerError } from "../errors";
import type { TaskStatus } from "../model/task";
import { parseTime, TIME_EXPECTED } from "../model/time";
import type { ResponseBrief, TaskFilter, TaskStore } from "../store/store";
import { reading } from "./read";
import type { Page, TaskReading } from "./service";

/**
 * A page of tasks, newest first. The database filters by the stored status, which trails the rows
 * by a moment; the truth is computed for each page and what does not match it is left out. So a
 * page may come short of `limit` while `next` leads on.
 */
export async function listTasks(store: TaskStore, filter: TaskFilter): Promise<Page<TaskReading<ResponseBrief>>> {
  checkTimes(filter);
  const stored = filter.status && storedStatuses(filter.status);
  const tasks = await store.list({ ...filter, status: stored, limit: filter.limit + 1 });
  const page = tasks.slice(0, filter.limit);
  const states = new Map((await store.states(page.map((task) => task.id))).map((found) => [found.task.id, found]));
  const items = page.flatMap((task) => {
    const found = states.get(task.id);
    return found ? [reading(found)] : [];
  });
  const wanted = filter.status ? items.filter((item) => filter.status!.includes(item.state.status)) : items;
  return { items: wanted, next: tasks.length > filter.limit ? page.at(-1)!.id : null };
}

/** A program that calls this may pass anything. Throws TaskerError `invalid_request`. */
function checkTimes(filter: TaskFilter): void {
  for (const name of ["createdAfter", "createdBefore"] as const) {
    const time = filter[name];
    if (time !== undefined && parseTime(time) === null) {
      throw new TaskerError("invalid_request", `The filter's ${name} ${TIME_EXPECTED}`);
    }
  }
}

/** A task whose first endpoint has just begun is stored as pending for another moment. */
function storedStatuses(wanted: readonly TaskStatus[]): TaskStatus[] {
  const stored = new Set(wanted);
  if (stored.has("running")) stored.add("pending");
  if (stored.has("pending")) stored.add("scheduled");
  return [...stored];
}
