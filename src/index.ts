/**
 * The public names of the package. Handlers import this in every child process: keep it light, and reach what is heavy (the
 * server, the store) through `await import(…)` inside a function.
 */
export { PermanentFailure } from "./errors";
export type { Tasker, TaskerOptions } from "./library";
export type { HandleTask, SubmitRequest, TaskContext } from "./model/handler";
export type { Json, JsonObject, JsonObject as Payload } from "./model/json";
export type { EnqueueRequest, Queryable } from "./tasks/enqueue";

/** tasker inside your own program; see `Tasker`. The server's code is loaded by the first call. */
export async function createTasker(options: import("./library").TaskerOptions): Promise<import("./library").Tasker> {
  return (await import("./library")).createTasker(options);
}

/** Stores a request with your own transaction, in a program that runs no tasker itself. */
export async function enqueue(
  within: import("./tasks/enqueue").Queryable,
  request: import("./tasks/enqueue").EnqueueRequest,
): Promise<{ id: string }> {
  return (await import("./tasks/enqueue")).enqueue(within, request);
}
