import { stringify } from "node:querystring";
import type { TaskFilter } from "../../store/store";
import type { Call } from "../request/call";
import { taskFilter } from "../request/query";
import { noCache, type Reply } from "../request/reply";
import { listView, taskItemView } from "../views";

/** `GET /tasks[?include=responses]` → tasks of all types that the key may see, newest first. */
export function listTasks(call: Call): Promise<Reply> {
  const filter = taskFilter(call.query);
  const { types } = call.identity;
  return page(call, types === null ? filter : { ...filter, types });
}

/** `GET /:taskType` → its tasks, newest first. */
export function listTasksOfType(call: Call): Promise<Reply> {
  return page(call, taskFilter({ ...call.query, type: call.taskType }));
}

async function page(call: Call, filter: TaskFilter): Promise<Reply> {
  const { items, next } = await call.api.service.list(filter);
  const views = items.map((item) => taskItemView(item, call.query.include === "responses"));
  return list(call, views, next);
}

/** Any list: `{items, next}`, and the way to the next page as a link. */
export function list(call: Call, items: readonly string[], next: string | null): Reply {
  const body = listView(items, next);
  if (next === null) return noCache(body);
  const query = stringify({ ...call.query, after: next });
  return noCache(body, ["Link", `<${call.api.basePath}${call.path}?${query}>; rel="next"`]);
}
