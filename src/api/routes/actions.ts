import type { ResponseRecord } from "../../model/response";
import { cancelBody } from "../../tasks/requests/request";
import type { Cancelled, CancelResult, CancelWait, TaskReading } from "../../tasks/service";
import type { Call } from "../request/call";
import { noQuery } from "../request/query";
import { noStore, type Reply } from "../request/reply";
import { keyView, outcomeView, taskPath, taskView } from "../views";
import { preferenceApplied, waitOf } from "./tasks";

/**
 * `POST /:taskType/:id/cancel[?wait=]` → 202: it happens or has happened now; 200: everything was
 * final before. With `wait` the answer is held until the running attempts have stopped.
 * `{"endpoints": […]}`: only there.
 */
export async function cancelTask(call: Call): Promise<Reply> {
  const ms = waitAsked(call);
  const { endpoints } = await call.bodyAs(cancelBody);
  return cancelWith(call, ms, (wait) =>
    call.api.service.cancel(call.taskType, call.id, call.caller(), { ...wait, endpoints }),
  );
}

/** Milliseconds to wait, where nothing else may stand in the query; null: not asked for. */
export function waitAsked(call: Call): number | null {
  const ms = waitOf(call);
  if (ms === null) call.queryAs(noQuery);
  return ms;
}

/** @param how cancels; null from it: there was nothing to cancel */
export async function cancelWith(
  call: Call,
  ms: number | null,
  how: (wait: CancelWait) => Promise<Cancelled | null>,
): Promise<Reply> {
  const answer = await call.whileOpen((signal) => how({ ms: ms ?? 0, signal }));
  if (!answer) return noStore(200, { task: null, outcomes: [] });
  const { outcomes, reading } = answer;
  call.audit("task.cancel", reading.task, counts(outcomes));
  const nothingLeft = outcomes.every((outcome) => outcome.outcome === "finished");
  const reply = action(call, nothingLeft ? 200 : 202, reading, `"outcomes":[${outcomes.map(outcomeView).join(",")}]`);
  if (ms !== null) reply.headers!.push(...preferenceApplied(call, ms));
  return reply;
}

/** `POST /:taskType/:id/retry` → 202: these are opened again; 200: none; 409: under way there. */
export async function retryTask(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const { value } = await call.json({ mayBeEmpty: true });
  const { reopened, reading } = await call.api.service.retry(call.taskType, call.id, value, call.caller());
  call.audit("task.retry", reading.task, { reopened: reopened.length });
  return action(call, reopened.length > 0 ? 202 : 200, reading, `"reopened":[${reopened.map(keyView).join(",")}]`);
}

function action(call: Call, status: number, reading: TaskReading<ResponseRecord>, rest: string): Reply {
  const { basePath } = call.api;
  const headers = ["Cache-Control", "no-store", "Location", taskPath(basePath, reading.task)];
  return { status, headers, body: `{"task":${taskView(reading, basePath)},${rest}}` };
}

function counts(outcomes: readonly CancelResult[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { outcome } of outcomes) counted[outcome] = (counted[outcome] ?? 0) + 1;
  return counted;
}
