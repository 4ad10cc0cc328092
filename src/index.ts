/**
 * The public names of the package. Handlers import this in every child process: keep it light, and reach what is heavy (the
 * server, the store) through `await import(…)` inside a function.
 */
export { PermanentFailure } from "./errors";
export type { HandleTask, SubmitRequest, TaskContext } from "./model/handler";
export type { Json, JsonObject, JsonObject as Payload } from "./model/json";
