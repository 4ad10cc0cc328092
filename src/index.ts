/**
 * The public names of the package. Handlers import this in every child process: keep it light, and reach what is heavy (the
 * server, the store) by a require inside a function.
 */
export { PermanentFailure } from "./errors";
export type { HandleTask, SubmitRequest, TaskContext, TaskLog } from "./model/handler";
export { ExactNumber, exactJson } from "./model/json/exact-json";
export type { Json, JsonObject, JsonObject as Payload } from "./model/json/json";

import type { Tasker, TaskerOptions } from "./library";
import type { EnqueueRequest, Queryable } from "./tasks/requests/enqueue";

export type { EnqueueRequest, Queryable, Tasker, TaskerOptions };

/** tasker inside your own program; see `Tasker`. The server's code is loaded by the first call. */
export async function createTasker(options: TaskerOptions): Promise<Tasker> {
  const library = require("./library") as typeof import("./library");
  return library.createTasker(options);
}

/** Stores a request with your own transaction, in a program that runs no tasker itself. */
export async function enqueue(within: Queryable, request: EnqueueRequest): Promise<{ id: string }> {
  const tasks = require("./tasks/requests/enqueue") as typeof import("./tasks/requests/enqueue");
  return tasks.enqueue(within, request);
}
