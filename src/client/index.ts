/** The public names of `tasker/client`. Nothing here imports the server's code or a Node module. */
export { type CallOptions, TaskerClient, type WaitOptions } from "./client";
export { TaskerProblem, TaskerUnreachable } from "./errors";
export type { ClientOptions } from "./http";
export type * from "./types";
