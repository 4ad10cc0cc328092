import type { ResponseRecord } from "../../model/response";
import type { CancelOutcome } from "../../store/store";
import { checked } from "../../tasks/request";
import type { TaskReading } from "../../tasks/service";
import type { Call } from "../call";
import { noQuery } from "../query";
import type { Reply } from "../reply";
import { keyView, outcomeView, taskPath, taskView } from "../views";

/** `POST /:taskType/:id/cancel` → 202: it happens or has happened now; 200: everything was final before. */
export async function cancelTask(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  await nothingIn(call);
  const { taskType, id } = call.params as { taskType: string; id: string };
  const { outcomes, reading } = await call.api.service.cancel(taskType, id, call.caller());
  call.audit("task.cancel", reading.task, counts(outcomes));
  return cancelled(call, outcomes, reading);
}

export function cancelled(call: Call, outcomes: CancelOutcome[], reading: TaskReading<ResponseRecord>): Reply {
  const nothingLeft = outcomes.every((outcome) => outcome.outcome === "finished");
  return action(call, nothingLeft ? 200 : 202, reading, `"outcomes":[${outcomes.map(outcomeView).join(",")}]`);
}

/** `POST /:taskType/:id/retry` → 202: these are opened again; 200: none was to be retried; 409: under way there. */
export async function retryTask(call: Call): Promise<Reply> {
  call.queryAs(noQuery);
  const { taskType, id } = call.params as { taskType: string; id: string };
  const body = (await call.json({ mayBeEmpty: true })).value;
  const { reopened, reading } = await call.api.service.retry(taskType, id, body, call.caller());
  call.audit("task.retry", reading.task, { reopened: reopened.length });
  return action(call, reopened.length > 0 ? 202 : 200, reading, `"reopened":[${reopened.map(keyView).join(",")}]`);
}

function action(call: Call, status: number, reading: TaskReading<ResponseRecord>, rest: string): Reply {
  const { basePath } = call.api;
  const headers = ["Cache-Control", "no-store", "Location", taskPath(basePath, reading.task)];
  return { status, headers, body: `{"task":${taskView(reading, basePath)},${rest}}` };
}

export function counts(outcomes: readonly CancelOutcome[]): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { outcome } of outcomes) counted[outcome] = (counted[outcome] ?? 0) + 1;
  return counted;
}

/** An action without parameters takes an empty body or `{}`. */
export async function nothingIn(call: Call): Promise<void> {
  checked(noQuery, (await call.json({ mayBeEmpty: true })).value, "The request");
}
