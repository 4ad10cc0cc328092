/**
 * The public names of the package. Every handler process imports this file, so it loads heavy
 * modules (the server, the store) inside functions.
 */
export { PermanentFailure } from "./errors";
export type { HandleTask, SubmitRequest, TaskContext, TaskLog } from "./model/handler";
export { ExactNumber, exactJson } from "./model/json/exact-json";
export type { Json, JsonObject, JsonObject as Payload } from "./model/json/json";

import type { Tasker, TaskerOptions } from "./library";
import type { EnqueueRequest, Queryable } from "./tasks/requests/enqueue";

export type { EnqueueRequest, Queryable, Tasker, TaskerOptions };

/** Starts tasker inside your own program; see `Tasker`. The first call loads the server's code. */
export async function createTasker(options: TaskerOptions): Promise<Tasker> {
  const library = require("./library") as typeof import("./library");
  return library.createTasker(options);
}

/** Stores a request in your own transaction, from a program that does not run tasker. */
export async function enqueue(within: Queryable, request: EnqueueRequest): Promise<{ id: string }> {
  const tasks = require("./tasks/requests/enqueue") as typeof import("./tasks/requests/enqueue");
  return tasks.enqueue(within, request);
}
