import { escape as quoted } from "mysql2";
import type { TaskDraft } from "../../../model/task";
import { clampMs } from "../times";
import { Broadcasts } from "./broadcast";

/** The others begin as the tables say. */
const TASK_COLUMNS =
  "id, type, identifier, body_hash, payload, payload_bytes, deliver, attempts, timeout_ms, priority, created_at, wait_until, expected";
/** Said only where one of the tasks has them: each value that is said costs the server something. */
const RARE_COLUMNS = ", expires_at, traceparent, created_by";
const RESPONSE_COLUMNS = "task_id, endpoint, job, type, attempts, timeout_ms, due_at, changed_at";

/** Beyond so many responses one transaction of several statements is the better way. */
const MAX_RESPONSES = 2000;

/** Only what is selected answers with rows: here, and the names of the endpoints before it. */
const BEGIN = "START TRANSACTION; SET @now = UTC_TIMESTAMP(3)";
const END = "COMMIT; SELECT @now AS now_at";

/**
 * The whole transaction that stores new tasks with their expected responses, as one text for one round trip. A statement that
 * fails ends the script with the transaction open, so nothing of it stands. Every text in it is escaped by the driver.
 *
 * @param dueMs when the reconciler is to look at the responses
 * @returns null for what needs a closer look than that: delays, run keys, very many responses
 */
export function createScript(tasks: readonly TaskDraft[], dueMs: number): string | null {
  const clock = new Clock();
  const due = clock.in(dueMs);
  const rare = tasks.some(({ expiresMs, traceparent, createdBy }) => expiresMs !== null || traceparent || createdBy);
  const named = tasks.some(({ deliver }) => deliver !== "one");
  const broadcasts = new Broadcasts();
  let taskRows = "";
  let responseRows = "";
  let count = 0;
  for (const task of tasks) {
    if (task.delayUntil !== null || task.runKey !== null) return null;
    const id = quoted(task.id);
    const type = quoted(task.type);
    const attempts = Number(task.attempts);
    const timeout = clampMs(task.timeoutMs);
    let expected: string;
    if (task.endpoints === null) {
      expected = broadcasts.add(task);
    } else {
      expected = String(task.endpoints.length * task.jobs.length);
      count += task.endpoints.length * task.jobs.length;
      if (count > MAX_RESPONSES) return null;
      const rest = `,${attempts},${timeout},${due},@now`;
      const endpoints = task.endpoints.length > 1 ? [...task.endpoints].sort() : task.endpoints;
      for (const endpoint of endpoints) {
        const name = quoted(endpoint);
        const performer = named ? `,${task.deliver === "one" ? "NULL" : name}` : "";
        for (const job of task.jobs) {
          responseRows += `${responseRows && ","}(${id},${name},${quoted(job)},${type}${rest}${performer})`;
        }
      }
    }
    taskRows +=
      `${taskRows && ","}(${id},${type},${quoted(task.identifier)},${quoted(task.bodyHash)},${quoted(task.payload)},` +
      `${Buffer.byteLength(task.payload)},'${task.deliver === "one" ? "one" : "each"}',${attempts},${timeout},` +
      `${Number(task.priority)},@now,${clock.in(task.waitMs)},${expected}`;
    if (rare) {
      const expires = task.expiresMs === null ? "NULL" : clock.in(task.expiresMs);
      taskRows += `,${expires},${quoted(task.traceparent)},${quoted(task.createdBy)}`;
    }
    taskRows += ")";
  }
  let text = `${BEGIN}${clock.text}; INSERT INTO tasks (${TASK_COLUMNS}${rare ? RARE_COLUMNS : ""}) VALUES ${taskRows}; `;
  text += broadcasts.insertSql(due);
  if (responseRows) {
    text += `INSERT INTO task_responses (${RESPONSE_COLUMNS}${named ? ", performer" : ""}) VALUES ${responseRows}; `;
  }
  return text + broadcasts.namesSql() + END;
}

export type ScriptRow = { now_at: string } | { type: string; endpoint: string };

/** What the script has answered: the moment of the transaction, and the endpoints of the types whose tasks named none. */
export function scriptAnswer(sets: readonly ScriptRow[][]): { now: string; registered: Map<string, string[]> } {
  const registered = new Map<string, string[]>();
  const names = sets.at(-3)!;
  if (Array.isArray(names)) {
    for (const { type, endpoint } of names as Array<{ type: string; endpoint: string }>) {
      const known = registered.get(type);
      if (known) known.push(endpoint);
      else registered.set(type, [endpoint]);
    }
  }
  return { now: (sets.at(-1)![0] as { now_at: string }).now_at, registered };
}

/**
 * `@now` is the moment of the transaction by the database's clock, and what lies so long after it is reckoned once and not for
 * each row: tasks of a type share their waiting times. Within one SET the server's clock stands still.
 */
class Clock {
  private readonly names = new Map<number, string>();
  /** What follows in the SET. */
  text = "";

  in(ms: number): string {
    const known = this.names.get(ms);
    if (known !== undefined) return known;
    const name = `@in${this.names.size}`;
    this.names.set(ms, name);
    this.text += `, ${name} = UTC_TIMESTAMP(3) + INTERVAL ${clampMs(ms) * 1000} MICROSECOND`;
    return name;
  }
}
