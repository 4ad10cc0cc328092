import { taskState } from "../model/completeness";
import type { ResponseRecord } from "../model/response";
import type { TaskRecord } from "../model/task";
import type { TaskWithResponses } from "../store/store";
import type { TaskReading } from "./service";

interface Row {
  endpoint: string;
  job: string;
  status: Parameters<typeof taskState>[0][number]["status"];
  progress: number;
  receivedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  version: number;
}

/** Stored rows → the task with its computed state and entity tag. Pure. */
export function reading<R extends Row>(found: TaskWithResponses<R>): TaskReading<R> {
  const { task, responses, now, living } = found;
  const state = taskState(responses, {
    delayed: task.delayUntil !== null && task.delayUntil > now,
    waitOver: task.waitUntil <= now,
    living,
  });
  let versions = 0;
  for (const row of responses) versions += row.version;
  // The status stands in the tag because time alone can change it (scheduled, incomplete).
  const etag = `"${task.version}-${versions}-${state.status}${state.settled ? "-s" : ""}"`;
  return { task, responses, state, etag, now };
}

/** A task as it stands at the moment of its creation: what a read would find, without the read. */
export function freshReading(
  task: TaskRecord,
  endpoints: readonly string[],
  jobs: readonly string[],
): TaskReading<ResponseRecord> {
  const rows = [...endpoints].sort().flatMap((endpoint) => jobs.map((job) => expectedRow(task, endpoint, job)));
  // Nobody has looked who lives: an endpoint that does not is found missing by the first read.
  return reading({ task, responses: rows, now: task.createdAt, living: new Set(endpoints) });
}

function expectedRow(task: TaskRecord, endpoint: string, job: string): ResponseRecord {
  return {
    taskId: task.id,
    endpoint,
    job,
    type: task.type,
    performer: task.deliver === "each" ? endpoint : null,
    status: "expected",
    reason: null,
    attempt: 0,
    attempts: task.attempts,
    generation: 1,
    progress: 0,
    progressMessage: null,
    result: null,
    resultText: null,
    error: null,
    receivedAt: null,
    startedAt: null,
    finishedAt: null,
    retryAt: null,
    cancelAt: null,
    managerId: null,
    leaseId: null,
    version: 1,
  };
}
