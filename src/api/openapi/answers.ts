import { z } from "zod";
import { PROBLEMS, type ProblemCode } from "../../errors";
import type { Json, JsonObject } from "../../model/json/json";
import { RESPONSE_STATUSES } from "../../model/response";
import { TASK_STATUSES } from "../../model/task";
import { SCOPES } from "../access/permissions";

/**
 * What the API answers, as schemas. They describe (the OpenAPI document is made from them) and are checked against every
 * answer in the tests; at run time nothing is validated with them. Fields may be added: clients ignore what they do not know.
 */

const time = z.string().meta({ format: "date-time", description: "RFC 3339, UTC, with milliseconds" });
const name = z.string();
const share = z.number().min(0).max(1);
const count = z.int().min(0);
/** Any JSON value. Not z.json(), whose recursive schema says the same at length. */
const json = z.custom<Json>().meta({ description: "Any JSON value" });
const object = z.custom<JsonObject>().meta({ type: "object" });
const responseStatus = z.enum(RESPONSE_STATUSES);

export const completeness = z
  .object({
    expected: count,
    received: count,
    running: count,
    succeeded: count,
    failed: count,
    cancelled: count,
    missing: z.array(name).meta({ description: "Endpoints that have not received the task" }),
    complete: z.boolean().meta({ description: "Every expected endpoint has a final response" }),
  })
  .meta({ description: "expected = running + succeeded + failed + cancelled + missing.length, counted in endpoints" });

export const taskResponse = z
  .object({
    endpoint: name.nullable().meta({ description: "Null: a `deliver: one` task that nobody has taken yet" }),
    job: name.nullable(),
    status: responseStatus,
    reason: z.string().nullable().meta({ description: "Machine-readable: error, timeout, crash, exit_code, …" }),
    attempt: count,
    attempts: count,
    progress: share,
    result: json,
    result_text: z.string().nullable(),
    error: z.string().nullable(),
    late: z.boolean().meta({ description: "Received after wait_for_endpoints_timeout" }),
    received_at: time.nullable(),
    started_at: time.nullable(),
    finished_at: time.nullable(),
    retry_at: time.nullable(),
  })
  .meta({ description: "What one endpoint (or one job there) has to say about one task" });

export const responseBrief = taskResponse
  .omit({ result: true, result_text: true, error: true, late: true })
  .extend({ version: count.meta({ description: "Grows with each change; the same number stands in the events" }) });

export const task = z.object({
  id: z.string().meta({ format: "uuid" }),
  type: name,
  identifier: z.string(),
  payload: object,
  endpoints: z.array(name),
  status: z.enum(TASK_STATUSES),
  settled: z.boolean().meta({
    description:
      "Nothing is under way or due any more: what is open was not received in time, by endpoints that do not live",
  }),
  progress: share,
  created_at: time,
  delay_until: time.nullable(),
  published_at: time.nullable(),
  started_at: time.nullable(),
  finished_at: time.nullable(),
  completeness,
  responses: z.array(taskResponse).meta({ description: "At most 100, those that did not succeed" }),
  responses_link: z.string().optional().meta({ description: "Present when there are more than 100" }),
});

export const taskSummary = task.omit({ payload: true, responses: true, responses_link: true }).extend({
  payload: object.nullable().meta({ description: "Null where it is long" }),
  payload_omitted: z.boolean().optional(),
  responses: z.array(responseBrief).optional().meta({ description: "With include=responses" }),
});

export const attempt = z.object({
  generation: count.meta({ description: "1, and one more with each retry" }),
  attempt: count,
  outcome: z.enum(["succeeded", "failed", "cancelled", "missed", "lost", "superseded", "released", "running"]),
  endpoint: name.nullable(),
  reason: z.string().nullable(),
  error: z.string().nullable(),
  result: json,
  result_text: z.string().nullable(),
  started_at: time.nullable(),
  finished_at: time.nullable(),
});

export const taskResponseDetail = taskResponse.extend({
  task_id: z.string().meta({ format: "uuid" }),
  type: name,
  progress_message: z.string().nullable(),
  generation: count,
  cancel_at: time.nullable(),
  history: z.array(attempt).meta({ description: "Oldest first" }),
});

export const jobsResponse = z
  .object({
    endpoint: name.nullable(),
    job: z.null(),
    status: responseStatus,
    progress: share,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    task_id: z.string().meta({ format: "uuid" }),
    type: name,
    jobs: z.array(taskResponseDetail),
  })
  .meta({ description: "What the jobs of a response amount to, and each of them" });

export const responseReading = z.union([taskResponseDetail, jobsResponse]);

export const logChunk = z.object({ seq: count, attempt: count, at: time, text: z.string() });

export const cancelOutcome = z.object({
  endpoint: name.nullable(),
  job: name.nullable(),
  outcome: z.enum(["withdrawn", "stopping", "stopped", "killed", "finished"]),
  status: responseStatus,
});

export const cancelled = z.object({ task, outcomes: z.array(cancelOutcome) });
export const stopped = z.object({ task: task.nullable(), outcomes: z.array(cancelOutcome) });
export const retried = z.object({
  task,
  reopened: z.array(z.object({ endpoint: name.nullable(), job: name.nullable() })),
});

export const openCounts = z
  .object({ expected: count, received: count, running: count, retrying: count })
  .meta({ description: "Responses that are not final" });

export const taskType = z.object({
  name,
  deliver: z.enum(["each", "one"]),
  performer: z.enum(["module", "command", "http"]),
  single_run: z.boolean(),
  jobs: z.array(name),
  endpoints: z.array(name).meta({ description: "Registered by the config" }),
  concurrency: count,
  priority: count,
  attempts: count,
  backoff: z.object({ first_ms: count, factor: z.number(), max_ms: count }),
  timeout_ms: count,
  wait_for_endpoints_timeout_ms: count,
  expires_ms: count.nullable(),
  keep_ms: count.nullable(),
  payload_schema: object.nullable(),
});

export const taskTypeDetail = taskType.extend({
  registered: z.array(name).meta({ description: "Every endpoint that performs it now" }),
  open: openCounts,
});

export const manager = z.object({
  id: z.string(),
  state: z.enum(["alive", "draining", "stopped", "retired", "dead"]),
  host: z.string(),
  pid: z.int(),
  slot: z.string(),
  version: z.string(),
  running: count,
  started_at: time,
  heartbeat_at: time,
  stopped_at: time.nullable(),
});

export const endpoint = z.object({
  name,
  alive: z.boolean().meta({ description: "One of its managers has sent a heartbeat lately" }),
  labels: object,
  types: z.array(name),
  first_seen_at: time,
  last_seen_at: time.nullable().meta({ description: "Null: configured, never connected" }),
  open: openCounts,
  managers: z.array(manager),
});

const brokerUser = z
  .object({ name: z.string(), state: z.enum(["deleted", "absent", "kept"]), detail: z.string().nullable() })
  .meta({ description: "The endpoint's own user at the broker; kept: it could not be deleted, and `detail` says why" });
const queuesNow = z.enum(["removed", "pending"]).meta({ description: "pending: they go when the broker takes it" });

export const endpointRemoved = z.object({
  endpoint: name,
  dry_run: z.boolean(),
  alive: z.boolean(),
  managers: count.meta({ description: "Managers that were there, alive or silent" }),
  types: z.array(name).meta({ description: "For which it was registered" }),
  ended: openCounts.meta({ description: "What it owed, by status; now `cancelled`, reason `endpoint_removed`" }),
  queues: queuesNow.nullable(),
  broker_user: brokerUser.nullable(),
});

export const endpointRenamed = z.object({
  endpoint: name.meta({ description: "The new name" }),
  renamed_from: name,
  moved: count.meta({ description: "Responses that are open under the new name" }),
  queues: queuesNow,
  broker_user: brokerUser.nullable(),
});

export const session = z.object({
  name: z.string().nullable(),
  scopes: z.array(z.enum(SCOPES)),
  types: z.array(name).nullable(),
  csrf_token: z.string().nullable(),
  run_mode: z.string(),
  version: z.string(),
});

export const system = z.object({
  version: z.string(),
  node: z.string(),
  run_mode: z.string(),
  config_file: z.string().nullable(),
  config: object,
});

export const health = z.object({
  status: z.enum(["ready", "not_ready", "draining"]),
  ready: z.boolean(),
  checks: z.record(z.string(), z.looseObject({ ok: z.boolean() })),
});

export const alive = z.object({ status: z.literal("alive") });
export const nothing = z.object({});

export const problem = z
  .object({
    type: z.string().meta({ description: "Address of the code's description" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: "Each fault of the request, by JSON pointer" }),
    request_id: z.string(),
    trace_id: z.string().optional(),
  })
  .meta({ description: "RFC 9457" });

export const batchAnswer = z.object({
  results: z.array(
    z.union([
      z.object({ status: z.literal(202), replayed: z.boolean().optional(), task }),
      z.object({ status: z.int(), problem }),
    ]),
  ),
});

/** Any list. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "Goes back as `after`; null: the last page" }),
  });
}

/** Those with a name of their own in the document. */
export const NAMED: Readonly<Record<string, z.ZodType>> = {
  Task: task,
  TaskSummary: taskSummary,
  TaskResponse: taskResponse,
  ResponseBrief: responseBrief,
  TaskResponseDetail: taskResponseDetail,
  JobsResponse: jobsResponse,
  Attempt: attempt,
  Completeness: completeness,
  CancelOutcome: cancelOutcome,
  LogChunk: logChunk,
  TaskType: taskType,
  TaskTypeDetail: taskTypeDetail,
  OpenCounts: openCounts,
  Endpoint: endpoint,
  Manager: manager,
  EndpointRemoved: endpointRemoved,
  EndpointRenamed: endpointRenamed,
  Session: session,
  System: system,
  Health: health,
  Problem: problem,
  BatchAnswer: batchAnswer,
};
