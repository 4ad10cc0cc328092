import { TaskerError } from "../../errors";
import type { Call } from "../request/call";
import { noQuery } from "../request/query";
import type { Reply } from "../request/reply";
import { notFound } from "../request/request-pipeline";
import { cancelWith, waitAsked } from "./actions";
import { created, noteCreated, taskOrUnchanged } from "./tasks";

/** What only `single_run` types have. */

/** `POST /:taskType/start` → 202 with the run, or 409 `already_running` with a link to it. */
export async function startRun(call: Call): Promise<Reply> {
  singleRun(call);
  const { value, text } = await call.json({ mayBeEmpty: true });
  return started(call, value, text);
}

/** `GET /:taskType/start?name=value`, with `legacy_get`: the parameters are the payload. */
export async function startRunByGet(call: Call): Promise<Reply> {
  legacy(call);
  return started(call, { payload: call.query });
}

async function started(call: Call, body: unknown, text?: string): Promise<Reply> {
  const submitted = await call.api.service.start(call.taskType, body, call.caller(), text);
  noteCreated(call, submitted);
  return created(call, submitted);
}

/** `GET /:taskType/status` → the current or last run, as a task. */
export async function runStatus(call: Call): Promise<Reply> {
  singleRun(call);
  const reading = await call.api.service.current(call.taskType);
  if (!reading) throw new TaskerError("task_not_found", `Type ${call.taskType} has never run`);
  return taskOrUnchanged(call, reading);
}

/** `POST /:taskType/stop[?wait=]` → 202 with what becomes of the run; 200: none was under way. */
export async function stopRun(call: Call): Promise<Reply> {
  singleRun(call);
  return stopped(call, waitAsked(call));
}

/** Parameters that old callers add (`?_=123`) mean nothing here. */
export async function stopRunByGet(call: Call): Promise<Reply> {
  legacy(call);
  return stopped(call, null);
}

async function stopped(call: Call, ms: number | null): Promise<Reply> {
  await call.bodyAs(noQuery);
  return cancelWith(call, ms, (wait) => call.api.service.stop(call.taskType, call.caller(), wait));
}

function singleRun({ api, taskType, req }: Call): void {
  if (!api.config.taskTypes[taskType]!.singleRun) throw notFound(req);
}

function legacy(call: Call): void {
  singleRun(call);
  if (!call.api.config.taskTypes[call.taskType]!.legacyGet) throw notFound(call.req);
}
