import { escape as quoted } from "mysql2";
import type { NewTask } from "../../../model/task";
import { clampMs } from "../times";

/** The others begin as the tables say. */
const TASK_COLUMNS =
  "id, type, identifier, body_hash, payload, payload_bytes, deliver, attempts, timeout_ms, priority, created_at, wait_until, " +
  "expires_at, traceparent, created_by, expected";
const RESPONSE_COLUMNS = "task_id, endpoint, job, type, performer, attempts, timeout_ms, due_at, changed_at";

/** Beyond so many responses one transaction of several statements is the better way. */
const MOST_RESPONSES = 2000;

/**
 * `@now`: the moment of the transaction, by the database's clock; `@due`: when the responses are to be looked at, reckoned once and not for
 * each row. Each result set of the script but the last is empty.
 */
const begin = (dueMs: number) => `START TRANSACTION; SET @now = UTC_TIMESTAMP(3); SET @due = ${inMs(dueMs)}; `;
const END = "COMMIT; SELECT @now AS now_at";

/**
 * The whole transaction that stores new tasks with their expected responses, as one text for one round trip. A statement that
 * fails ends the script with the transaction open, so nothing of it stands. Every text in it is escaped by the driver.
 *
 * @param dueMs when the reconciler is to look at the responses
 * @returns null for what needs a closer look than that: delays, run keys, very many responses
 */
export function createScript(tasks: readonly NewTask[], dueMs: number): string | null {
  let taskRows = "";
  let responseRows = "";
  let count = 0;
  for (const task of tasks) {
    if (task.delayUntil !== null || task.runKey !== null) return null;
    const expected = task.endpoints.length * task.jobs.length;
    count += expected;
    if (count > MOST_RESPONSES) return null;
    const id = quoted(task.id);
    const type = quoted(task.type);
    const attempts = Number(task.attempts);
    const timeout = clampMs(task.timeoutMs);
    const expires = task.expiresMs === null ? "NULL" : inMs(task.expiresMs);
    taskRows +=
      `${taskRows && ","}(${id},${type},${quoted(task.identifier)},${quoted(task.bodyHash)},${quoted(task.payload)},` +
      `${Buffer.byteLength(task.payload)},'${task.deliver === "one" ? "one" : "each"}',${attempts},${timeout},` +
      `${Number(task.priority)},@now,${inMs(task.waitMs)},${expires},` +
      `${quoted(task.traceparent)},${quoted(task.createdBy)},${expected})`;
    const rest = `,${attempts},${timeout},@due,@now)`;
    const endpoints = task.endpoints.length > 1 ? [...task.endpoints].sort() : task.endpoints;
    for (const endpoint of endpoints) {
      const name = quoted(endpoint);
      const performer = task.deliver === "one" ? "NULL" : name;
      for (const job of task.jobs) {
        responseRows += `${responseRows && ","}(${id},${name},${quoted(job)},${type},${performer}${rest}`;
      }
    }
  }
  return (
    `${begin(dueMs)}INSERT INTO tasks (${TASK_COLUMNS}) VALUES ${taskRows}; ` +
    `INSERT INTO task_responses (${RESPONSE_COLUMNS}) VALUES ${responseRows}; ${END}`
  );
}

function inMs(ms: number): string {
  return `@now + INTERVAL ${clampMs(ms) * 1000} MICROSECOND`;
}
