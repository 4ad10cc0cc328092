import { z } from "zod";
import { TASK_STATUSES } from "../../../model/task";
import { count, json, name, named, object, past, responseStatus, share, text, time, type, uuid } from "./values";

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
  .meta({
    description: "expected = running + succeeded + failed + cancelled + missing.length, counted in endpoints",
    example: {
      ...{ expected: 2, received: 2, running: 1, succeeded: 1, failed: 0, cancelled: 0 },
      ...{ missing: [], complete: false },
    },
  });

export const taskResponse = z
  .object({
    endpoint: name.nullable().meta({
      description: "Null: a `deliver: one` task that nobody has taken yet",
      example: "loadbalancer-1",
    }),
    job: name.nullable(),
    status: responseStatus,
    reason: text.nullable().meta({ description: "Machine-readable: error, timeout, crash, exit_code, …" }),
    attempt: count,
    attempts: count.meta({ example: 3 }),
    progress: share,
    result: json.meta({ example: null }),
    result_text: text.nullable(),
    error: text.nullable(),
    late: z.boolean().meta({ description: "Received after wait_for_endpoints_timeout" }),
    received_at: past,
    started_at: past,
    finished_at: time.nullable(),
    retry_at: time.nullable(),
  })
  .meta({ description: "What one endpoint (or one job there) has to say about one task" });

export const responseBrief = taskResponse
  .omit({ result: true, result_text: true, error: true, late: true })
  .extend({ version: count.meta({ description: "Grows with each change; the same number stands in the events" }) });

export const task = z.object({
  id: uuid,
  type,
  identifier: named("e7bd91d0-16ad-11e2-892e-0800200c9a66"),
  payload: object,
  endpoints: z.array(name).meta({ example: ["loadbalancer-1", "loadbalancer-2"] }),
  status: z.enum(TASK_STATUSES).meta({ example: "running" }),
  settled: z.boolean().meta({
    description:
      "Nothing is under way or due any more: what is open was not received in time, by endpoints that do not live",
  }),
  progress: share,
  created_at: time,
  delay_until: time.nullable(),
  published_at: past,
  started_at: past,
  finished_at: time.nullable(),
  completeness,
  responses: z.array(taskResponse).meta({ description: "At most 100, those that did not succeed" }),
  responses_link: text.optional().meta({ description: "Present when there are more than 100" }),
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
  endpoint: name.nullable().meta({ example: "loadbalancer-1" }),
  reason: text.nullable(),
  error: text.nullable(),
  result: json,
  result_text: text.nullable(),
  started_at: past,
  finished_at: past,
});

export const taskResponseDetail = taskResponse.extend({
  task_id: uuid,
  type,
  progress_message: text.nullable(),
  generation: count,
  cancel_at: time.nullable(),
  history: z.array(attempt).meta({ description: "Oldest first" }),
});

export const jobsResponse = taskResponse
  .pick({ endpoint: true, status: true, progress: true, started_at: true, finished_at: true })
  .extend({ job: z.null(), task_id: uuid, type, jobs: z.array(taskResponseDetail) })
  .meta({ description: "What the jobs of a response amount to, and each of them" });

export const responseReading = z.union([taskResponseDetail, jobsResponse]);

export const logChunk = z.object({ seq: count, attempt: count, at: time, text: named("unpacking\n") });

const responseKey = taskResponse.pick({ endpoint: true, job: true });
export const cancelOutcome = responseKey.extend({
  outcome: z.enum(["withdrawn", "stopping", "stopped", "killed", "finished"]).meta({ example: "stopping" }),
  status: responseStatus,
});

export const cancelled = z.object({ task, outcomes: z.array(cancelOutcome) });
export const stopped = cancelled.extend({ task: task.nullable() });
export const retried = z.object({ task, reopened: z.array(responseKey) });
