import { TaskerError } from "../../errors";
import { NOBODY, taskState } from "../../model/completeness";
import { ANY_ENDPOINT, NAME } from "../../model/names";
import type { AttemptRecord, ResponseRecord, ResponseStatus } from "../../model/response";
import { isFinal } from "../../model/response";
import type { TaskRecord } from "../../model/task";
import type { Call } from "../request/call";
import { responseFilter, responseQuery } from "../request/query";
import { noCache, type Reply } from "../request/reply";
import { endpointOf, responseDetailView, responseView } from "../views";
import { list } from "./lists";

/** `GET /:taskType/:id/responses?status=&after=&limit=` */
export async function listResponses(call: Call): Promise<Reply> {
  const filter = responseFilter(call.query);
  const { task, items, next } = await call.api.service.responses(call.taskType, call.id, filter);
  const views = items.map((row) => responseView(task, row));
  return list(call, views, next);
}

/** `GET /:taskType/:id/responses/:endpoint[?job=]` → the whole response and its attempts. */
export async function readResponse(call: Call): Promise<Reply> {
  const { job } = call.queryAs(responseQuery);
  const endpoint = endpointParam(call);
  const { task, rows, attempts } = await call.api.service.response(call.taskType, call.id, endpoint);
  const chosen = job === undefined ? rows : rows.filter((row) => row.job === job);
  if (chosen.length === 0) throw new TaskerError("endpoint_not_found", `The response of ${endpoint} has no job ${job}`);
  const body =
    chosen.length === 1 && (job !== undefined || chosen[0]!.job === "")
      ? responseDetailView(task, chosen[0]!, attempts)
      : jobsView(task, chosen, attempts);
  return noCache(body);
}

/** The response of a type with `jobs`: what they amount to, and each of them. */
function jobsView(task: TaskRecord, rows: ResponseRecord[], attempts: AttemptRecord[]): string {
  const whole = taskState(rows, { delayed: false, waitOver: false, living: NOBODY });
  const head = JSON.stringify({
    endpoint: endpointOf(rows[0]!),
    job: null,
    status: statusOfJobs(rows),
    progress: whole.progress,
    started_at: whole.startedAt,
    finished_at: whole.finishedAt,
    task_id: task.id,
    type: task.type,
  });
  const jobs = rows.map((row) => responseDetailView(task, row, attempts));
  return `${head.slice(0, -1)},"jobs":[${jobs.join(",")}]}`;
}

function statusOfJobs(rows: readonly ResponseRecord[]): ResponseStatus {
  const all = rows.map((row) => row.status);
  if (all.every(isFinal)) {
    return (["failed", "missed", "cancelled"] as const).find((status) => all.includes(status)) ?? "succeeded";
  }
  if (all.every((status) => status === "expected")) return "expected";
  return (["running", "retrying"] as const).find((status) => all.includes(status)) ?? "received";
}

/** A name, or `*`: the one response of a `deliver: one` task. */
export function endpointParam(call: Call): string {
  const endpoint = call.params.endpoint!;
  if (NAME.test(endpoint) || endpoint === ANY_ENDPOINT) return endpoint;
  throw new TaskerError(
    "endpoint_not_found",
    `The task does not expect an endpoint ${JSON.stringify(endpoint.slice(0, 80))}`,
  );
}
