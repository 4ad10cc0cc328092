import { NAME } from "../model/names";
import type { RouteId } from "./permissions";

export interface Match {
  route: RouteId;
  params: Record<string, string>;
}

const TASK_PATH = /^\/([a-z0-9][a-z0-9._-]{0,62})\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/**
 * The three routes that carry the load, recognised without Express: its router and request decoration cost more than all we
 * do with them. The same handlers answer, behind the same gate; null: Express finds the way.
 */
export function hotRoute(method: string | undefined, path: string): Match | null {
  if (method === "POST") {
    const slash = path.indexOf("/", 1);
    if (slash < 0) {
      const taskType = path.slice(1);
      return NAME.test(taskType) && taskType !== "session" ? { route: "POST /:taskType", params: { taskType } } : null;
    }
    if (path.slice(slash) !== "/batch") return null;
    const taskType = path.slice(1, slash);
    return NAME.test(taskType) ? { route: "POST /:taskType/batch", params: { taskType } } : null;
  }
  if (method !== "GET") return null;
  const found = TASK_PATH.exec(path);
  return found ? { route: "GET /:taskType/:id", params: { taskType: found[1]!, id: found[2]! } } : null;
}
