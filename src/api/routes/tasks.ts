import type { ResponseRecord } from "../../model/response";
import type { Submitted, TaskReading } from "../../tasks/service";
import { allows } from "../access/permissions";
import type { Call } from "../request/call";
import { problemOf } from "../request/problem";
import { taskQuery } from "../request/query";
import type { Reply } from "../request/reply";
import { MAX_RESPONSES, taskPath, taskView } from "../views";

/** Seconds after which to ask again about a task that is under way. */
const ASK_AGAIN = "1";

/** `POST /:taskType` → 202 with the task, once it is committed. */
export async function createTask(call: Call): Promise<Reply> {
  const { api } = call;
  const type = call.taskType;
  const ms = waitOf(call);
  const { value, text } = await call.json();
  const submitted = await api.service.submit(type, value, call.caller(), text);
  noteCreated(call, submitted);
  if (ms === null) return created(call, submitted);
  const first = submitted.reading;
  const reading = await call.whileOpen((signal) => api.service.wait(type, first.task.id, ms, { signal, first }));
  const reply = created(call, { reading, replayed: submitted.replayed });
  if (reading.state.settled) reply.status = 200;
  reply.headers!.push(...preferenceApplied(call, ms));
  return reply;
}

/** `POST /:taskType/start` and its `GET` form. */
export function created(call: Call, { reading, replayed }: Submitted): Reply {
  const headers = taskHeaders(call, reading);
  headers.push("Location", taskPath(call.api.basePath, reading.task));
  if (replayed) headers.push("Idempotency-Replayed", "true");
  return { status: 202, headers, body: taskView(reading, call.api.basePath, shownTo(call)) };
}

/** A repetition or a wait would show the answers of endpoints to a key that may only submit. */
function shownTo({ identity }: Call): { responses: boolean } {
  return { responses: allows(identity.scopes, "read") };
}

export function noteCreated(call: Call, { reading, replayed }: Submitted): void {
  if (replayed) return;
  const { id, type } = reading.task;
  call.api.metrics.taskCreated(type);
  call.api.audit.created(call.identity.name, call.remote, type, id);
}

/** `POST /:taskType/batch` → 200 with a result for each task, in their order. */
export async function createBatch(call: Call): Promise<Reply> {
  const { api } = call;
  const { value, text } = await call.json();
  const answers = await api.service.submitBatch(call.taskType, value, call.caller(), text);
  const shown = shownTo(call);
  const results = answers.map((answer) => {
    if (!(answer instanceof Error)) {
      noteCreated(call, answer);
      const replayed = answer.replayed ? `,"replayed":true` : "";
      return `{"status":202${replayed},"task":${taskView(answer.reading, api.basePath, shown)}}`;
    }
    const { path: instance, requestId } = call;
    const problem = problemOf(answer, { instance, requestId, traceId: null, basePath: api.basePath });
    return `{"status":${answer.status},"problem":${JSON.stringify(problem)}}`;
  });
  return { status: 200, headers: ["Cache-Control", "no-store"], body: `{"results":[${results.join(",")}]}` };
}

/** `GET /:taskType/:id` → 200 or 304, at once or when `wait` has something to tell. */
export async function readTask(call: Call): Promise<Reply> {
  const { service } = call.api;
  const { taskType, id } = call;
  const ms = waitOf(call);
  const etag = call.req.headers["if-none-match"]?.match(TAG)?.[0];
  const reading =
    ms === null
      ? await service.read(taskType, id)
      : await call.whileOpen((signal) => service.wait(taskType, id, ms, { etag, signal }));
  const reply = taskOrUnchanged(call, reading);
  if (ms !== null) reply.headers!.push(...preferenceApplied(call, ms));
  return reply;
}

/** 304 where the client has this state of the task. */
export function taskOrUnchanged(call: Call, reading: TaskReading<ResponseRecord>): Reply {
  const headers = taskHeaders(call, reading);
  const known = call.req.headers["if-none-match"];
  if (known !== undefined && matches(known, reading.etag)) return { status: 304, headers, body: "" };
  return { status: 200, headers, body: taskView(reading, call.api.basePath) };
}

function taskHeaders(call: Call, reading: TaskReading<ResponseRecord>): string[] {
  const headers = ["Cache-Control", "private, no-cache", "ETag", reading.etag];
  if (!reading.state.settled) headers.push("Retry-After", ASK_AGAIN);
  if (reading.responses.length > MAX_RESPONSES) {
    headers.push("Link", `<${taskPath(call.api.basePath, reading.task)}/responses>; rel="responses"`);
  }
  return headers;
}

const PREFER_WAIT = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=[,;]|$)/i;

/** Milliseconds to hold the answer, at most api.max_wait; null: not asked for. */
export function waitOf(call: Call): number | null {
  const most = call.api.config.api.maxWaitMs;
  if (call.hasQuery) {
    const { wait } = call.queryAs(taskQuery);
    if (wait !== undefined) return Math.min(wait, most);
  }
  const prefer = call.req.headers.prefer;
  if (prefer === undefined) return null;
  const found = PREFER_WAIT.exec(Array.isArray(prefer) ? prefer.join(",") : prefer);
  return found ? Math.min(Number(found[1]) * 1000, most) : null;
}

export function preferenceApplied(call: Call, ms: number): string[] {
  const headers = ["Vary", "Prefer"];
  if (call.req.headers.prefer !== undefined) headers.push("Preference-Applied", `wait=${Math.round(ms / 1000)}`);
  return headers;
}

const TAG = /"[^"]*"/;
const TAGS = /"[^"]*"/g;

/** RFC 9110 §13.1.2: weak comparison with any of the listed tags. */
function matches(header: string, etag: string): boolean {
  return header === etag || header.trim() === "*" || (header.match(TAGS)?.includes(etag) ?? false);
}
