import type { TaskDraft, TaskRecord } from "../../../model/task";
import { clampMs, msToDb } from "../times";
import { Table } from "./table";

/** The columns of `tasks`. */
export const TASKS = new Table<TaskDraft, TaskRecord>(
  "tasks",
  {
    id: { type: "id", key: true, field: "id", first: (task) => task.id },
    type: { type: "name", field: "type", first: (task) => task.type },
    identifier: { type: "bytes", field: "identifier", first: (task) => task.identifier },
    body_hash: { type: "hash", field: "bodyHash", first: (task) => task.bodyHash },
    payload: { type: "long", field: "payload", first: (task) => task.payload },
    payload_bytes: { type: "int", first: (task) => Buffer.byteLength(task.payload) },
    deliver: { type: "word", field: "deliver", first: (task) => task.deliver },
    attempts: { type: "int", field: "attempts", first: (task) => task.attempts },
    timeout_ms: { type: "big", field: "timeoutMs", first: (task) => clampMs(task.timeoutMs) },
    priority: { type: "int", field: "priority", first: (task) => task.priority },
    status: {
      ...{ type: "status", default: "pending", field: "status" },
      first: (_, { delay }) => (delay === null ? "pending" : "scheduled"),
    },
    created_at: { type: "time", field: "createdAt", first: (_, { now }) => now },
    delay_until: { type: "time", nullable: true, field: "delayUntil", first: givenDelay },
    wait_until: { type: "time", field: "waitUntil", first: (task, at) => at.after(task.waitMs) },
    expires_at: {
      ...{ type: "time", nullable: true, field: "expiresAt" },
      first: ({ expiresMs }, at) => (expiresMs === null ? null : at.after(expiresMs)),
    },
    published_at: { type: "time", nullable: true, field: "publishedAt" },
    finished_at: { type: "time", nullable: true, field: "finishedAt" },
    cancel_at: { type: "time", nullable: true, field: "cancelAt" },
    run_key: { type: "text", nullable: true, field: "runKey", first: (task) => task.runKey },
    open_run_key: { type: "text", nullable: true, first: (task) => task.runKey },
    traceparent: { type: "text", nullable: true, field: "traceparent", first: (task) => task.traceparent },
    created_by: { type: "text", nullable: true, field: "createdBy", first: (task) => task.createdBy },
    version: { type: "int", default: 1, field: "version" },
    // If the task names no endpoint, create-script.ts multiplies it by the number of registered
    // ones.
    expected: {
      ...{ type: "int", default: 0, defaultOnSqlite: true },
      first: (task) => (task.endpoints?.length ?? 1) * task.jobs.length,
    },
  },
  [
    { name: "tasks_identifier", columns: ["type", "identifier"], unique: true },
    { name: "tasks_open_run_key", columns: ["open_run_key"], unique: true },
    { name: "tasks_by_type_status", columns: ["type", "status", "id"] },
  ],
);

/** As requested, even if it has passed. */
function givenDelay({ delayUntil }: TaskDraft): string | null {
  return delayUntil === null ? null : msToDb(Date.parse(delayUntil));
}
