import type { Call } from "../request/call";
import type { Reply } from "../request/reply";
import { notFound } from "../request/request-pipeline";
import { taskView } from "../views";
import { cancelWith, nothingIn, waitAsked } from "./actions";
import { created, matches, noteCreated, taskHeaders, taskNotFound } from "./tasks";

/** What only `single_run` types have. */

/** `POST /:taskType/start` → 202 with the run, or 409 `already_running` with a link to the one that runs. */
export async function startRun(call: Call): Promise<Reply> {
  singleRun(call);
  const { value, text } = await call.json({ mayBeEmpty: true });
  return started(call, value, text);
}

/** `GET /:taskType/start?name=value` for types with `legacy_get`: the parameters are the payload. */
export async function startRunByGet(call: Call): Promise<Reply> {
  legacy(call);
  return started(call, { payload: call.query });
}

async function started(call: Call, body: unknown, text?: string): Promise<Reply> {
  const submitted = await call.api.service.start(call.params.taskType!, body, call.caller(), text);
  noteCreated(call, submitted);
  return created(call, submitted);
}

/** `GET /:taskType/status` → the current or last run, as a task. */
export async function runStatus(call: Call): Promise<Reply> {
  singleRun(call);
  const reading = await call.api.service.current(call.params.taskType!);
  if (!reading) throw taskNotFound(call.params.taskType!);
  const headers = taskHeaders(call, reading);
  const known = call.req.headers["if-none-match"];
  if (known !== undefined && matches(known, reading.etag)) return { status: 304, headers, body: "" };
  return { status: 200, headers, body: taskView(reading, call.api.basePath) };
}

/** `POST /:taskType/stop[?wait=]` → 202 with what becomes of the run, or 200 when none was under way. */
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
  await nothingIn(call);
  return cancelWith(call, ms, (wait) => call.api.service.stop(call.params.taskType!, call.caller(), wait));
}

function singleRun(call: Call): void {
  if (!call.api.config.taskTypes[call.params.taskType!]!.singleRun) throw notFound(call.req);
}

function legacy(call: Call): void {
  singleRun(call);
  if (!call.api.config.taskTypes[call.params.taskType!]!.legacyGet) throw notFound(call.req);
}
