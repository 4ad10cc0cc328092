import type { ResponseRecord } from "../../../model/response";
import type { TaskDraft } from "../../../model/task";
import { PUBLISH_GRACE_MS } from "../../store";
import { clampMs } from "../times";
import { type Raw, Table } from "./table";

/** An expected response. `endpoint` is SQL if the database inserts the names. */
export interface NewResponse {
  task: TaskDraft;
  endpoint: string | Raw;
  job: string;
}

/** The responses of the endpoints that the task names, in the order of their keys. */
export function expectedOf(task: TaskDraft): NewResponse[] {
  const endpoints = task.endpoints ?? [];
  const sorted = endpoints.length > 1 ? [...endpoints].sort() : endpoints;
  return sorted.flatMap((endpoint) => task.jobs.map((job) => ({ task, endpoint, job })));
}

/** The columns of `task_responses`. */
export const RESPONSES = new Table<NewResponse, ResponseRecord>(
  "task_responses",
  {
    task_id: { type: "id", key: true, field: "taskId", first: ({ task }) => task.id },
    endpoint: { type: "name", key: true, field: "endpoint", first: ({ endpoint }) => endpoint },
    job: { type: "name", key: true, field: "job", first: ({ job }) => job },
    type: { type: "name", field: "type", first: ({ task }) => task.type },
    performer: {
      ...{ type: "fixed", nullable: true, field: "performer" },
      first: ({ task, endpoint }) => (task.deliver === "one" ? null : endpoint),
    },
    status: { type: "status", default: "expected", field: "status" },
    reason: { type: "text", nullable: true, field: "reason" },
    attempt: { type: "int", default: 0, field: "attempt" },
    attempts: { type: "int", field: "attempts", first: ({ task }) => task.attempts },
    generation: { type: "int", default: 1, field: "generation" },
    timeout_ms: { type: "big", first: ({ task }) => clampMs(task.timeoutMs) },
    progress: { type: "real", default: 0, field: "progress" },
    progress_message: { type: "message", nullable: true, field: "progressMessage" },
    result: { type: "long", nullable: true, field: "result" },
    result_text: { type: "long", nullable: true, field: "resultText" },
    error: { type: "long", nullable: true, field: "error" },
    delay_until: { type: "time", nullable: true, first: (_, { delay }) => delay },
    received_at: { type: "time", nullable: true, field: "receivedAt" },
    started_at: { type: "time", nullable: true, field: "startedAt" },
    finished_at: { type: "time", nullable: true, field: "finishedAt" },
    retry_at: { type: "time", nullable: true, field: "retryAt" },
    cancel_at: { type: "time", nullable: true, field: "cancelAt" },
    timeout_at: { type: "time", nullable: true },
    due_at: { type: "time", nullable: true, first: (_, at) => at.delay ?? at.after(PUBLISH_GRACE_MS) },
    published: { type: "int", default: 0 },
    manager_id: { type: "id", nullable: true, field: "managerId" },
    lease_id: { type: "id", nullable: true, field: "leaseId" },
    changed_at: { type: "time", first: (_, { now }) => now },
    version: { type: "int", default: 1, field: "version" },
  },
  [
    { name: "task_responses_agenda", columns: ["finished_at", "due_at"] },
    { name: "task_responses_changed", columns: ["changed_at"] },
    { name: "task_responses_endpoint", columns: ["endpoint", "task_id"] },
  ],
);

/** The fields of lists: no results, errors and leases. */
export const BRIEF_RESPONSE = RESPONSES.select("", { without: ["result", "resultText", "error", "leaseId"] });

/** Whether one of the endpoints is to perform the response, or has taken it (`deliver: one`). */
export function isAt(row: Pick<ResponseRecord, "endpoint" | "performer">, endpoints: readonly string[]): boolean {
  return endpoints.some((name) => name === row.endpoint || name === row.performer);
}
