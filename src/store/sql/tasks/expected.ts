import type { TaskDraft } from "../../../model/task";
import type { NewResponse } from "../tables/responses";

/** The responses that the task expects of the endpoints that it names, in the order of their keys. */
export function expectedOf(task: TaskDraft): NewResponse[] {
  const endpoints = task.endpoints ?? [];
  const sorted = endpoints.length > 1 ? [...endpoints].sort() : endpoints;
  return sorted.flatMap((endpoint) => task.jobs.map((job) => ({ task, endpoint, job })));
}
