import type { NewTask, TaskDraft, TaskRecord } from "../../../model/task";
import type { CreateOutcome } from "../../store";
import { BadRow, bisect } from "../bisect";
import type { Connection, Database, Value } from "../connection";
import { PUBLISH_GRACE_MS } from "../maintenance/published";
import { settle } from "../maintenance/settle";
import { nowOf } from "../rows";
import { fitting } from "../size";
import { chunks, compare, MAX_LIST } from "../sql";
import { clampMs, dbToMs, fromDb, msToDb } from "../times";
import { createScript, type ScriptRow, scriptAnswer } from "./create-script";
import { endpointsOfType } from "./endpoints";
import { type DraftEntry, type Entry, withoutExisting } from "./existing";

const MAX_ROUNDS = 5;

const INSERT_TASK = [
  ...[
    "id",
    "type",
    "identifier",
    "body_hash",
    "payload",
    "payload_bytes",
    "deliver",
    "attempts",
    "timeout_ms",
    "priority",
  ],
  ...["status", "created_at", "delay_until", "wait_until", "expires_at", "run_key", "open_run_key", "traceparent"],
  ...["created_by", "version", "expected"],
];
const INSERT_RESPONSE = [
  ...["task_id", "endpoint", "job", "type", "performer", "status", "attempt", "attempts", "generation", "timeout_ms"],
  ...["progress", "delay_until", "due_at", "published", "changed_at", "version"],
];

/**
 * Stores tasks with their expected responses. Nearly always all of them go in with two statements; what collides with rows
 * of before, with its neighbours or with the database's limits is sorted out afterwards, and only that.
 */
export async function createTasks(db: Database, tasks: readonly TaskDraft[]): Promise<CreateOutcome[]> {
  const outcomes = new Array<CreateOutcome>(tasks.length);
  let left: DraftEntry[] = tasks.map((task, index) => ({ index, task }));
  while (left.length > 0) {
    const { round, later } = apart(left);
    if (!(await createAtOnce(db, round, outcomes))) await createApart(db, round, outcomes);
    left = later.filter((entry) => !answerByTwin(entry, round, outcomes));
  }
  return outcomes;
}

/** All of them in one round trip; false: nothing is stored, because one of them wants a closer look or met a row of before. */
async function createAtOnce(db: Database, round: readonly DraftEntry[], outcomes: CreateOutcome[]): Promise<boolean> {
  if (!db.writeScript) return false;
  const script = createScript(
    round.map(({ task }) => task),
    PUBLISH_GRACE_MS,
  );
  if (script === null) return false;
  try {
    const sets = await db.writeScript<ScriptRow>(script);
    if (sets === null) return false;
    const { now, registered } = scriptAnswer(sets);
    for (const { index, task } of round) {
      const endpoints = task.endpoints ?? registered.get(task.type)!;
      outcomes[index] = { kind: "created", task: created(task, now), endpoints };
    }
    return true;
  } catch (error) {
    if (db.dialect.isDuplicate(error) || db.dialect.isBadRow(error)) return false;
    throw error;
  }
}

/** Statement by statement, in as many transactions as the rows among them that cannot be stored make necessary. */
async function createApart(db: Database, round: readonly DraftEntry[], outcomes: CreateOutcome[]): Promise<void> {
  const entries = await addressed(db, round);
  await bisect(
    db.dialect,
    entries,
    (part) => db.write((connection) => insertBatch(connection, part, outcomes)),
    ({ index }, error) => {
      outcomes[index] = { kind: "refused", error };
    },
  );
  await releaseFinished(db, entries, outcomes);
}

/** Those that name no endpoint go to all that are registered; that may be none. */
async function addressed(db: Database, round: readonly DraftEntry[]): Promise<Entry[]> {
  const registered = new Map<string, string[]>();
  for (const { task } of round) {
    if (task.endpoints === null && !registered.has(task.type))
      registered.set(task.type, await endpointsOfType(db, task.type));
  }
  return round.map(({ index, task }) => ({
    index,
    task: { ...task, endpoints: task.endpoints ?? registered.get(task.type)! },
  }));
}

/** Of several with the same identifier or run key, the first goes ahead. */
function apart(entries: DraftEntry[]): { round: DraftEntry[]; later: DraftEntry[] } {
  const taken = new Set<string>();
  const round: DraftEntry[] = [];
  const later: DraftEntry[] = [];
  for (const entry of entries) {
    const { type, identifier, runKey } = entry.task;
    const names = runKey === null ? [`i ${type} ${identifier}`] : [`i ${type} ${identifier}`, `r ${runKey}`];
    if (names.some((name) => taken.has(name))) later.push(entry);
    else {
      for (const name of names) taken.add(name);
      round.push(entry);
    }
  }
  round.sort((a, b) => compare(a.task.id, b.task.id));
  return { round, later };
}

function answerByTwin({ index, task }: DraftEntry, round: DraftEntry[], outcomes: CreateOutcome[]): boolean {
  const twin = round.find((other) => other.task.type === task.type && other.task.identifier === task.identifier);
  const outcome = twin && outcomes[twin.index];
  if (!outcome || !("task" in outcome)) return false;
  const again = outcome.kind === "created" && outcome.task.id === task.id;
  outcomes[index] = again ? outcome : { kind: "existing", task: outcome.task };
  return true;
}

async function insertBatch(
  connection: Connection,
  entries: readonly Entry[],
  outcomes: CreateOutcome[],
): Promise<void> {
  const now = await nowOf(connection);
  const aimless = entries.filter(({ task }) => task.endpoints.length === 0);
  for (const { index } of await withoutExisting(connection, aimless, outcomes))
    outcomes[index] = { kind: "unaddressed" };
  let left = entries.filter(({ task }) => task.endpoints.length > 0);
  for (let round = 1; left.length > 0; round++) {
    const { runs, tooLarge } = fitting(left, ({ task }) => [task.payload, task.identifier], connection.maxBytes);
    for (const { row, error } of tooLarge) outcomes[row.index] = { kind: "refused", error };
    left = runs.flat();
    try {
      for (const run of runs) {
        await connection.insert(
          "tasks",
          INSERT_TASK,
          run.map(({ task }) => taskValues(task, now)),
        );
        await insertResponses(connection, run, now);
        for (const { index, task } of run) {
          outcomes[index] = { kind: "created", task: created(task, now), endpoints: task.endpoints };
        }
        left = left.filter((entry) => !run.includes(entry));
      }
    } catch (error) {
      // The statement that met a duplicate has inserted nothing; the transaction stands.
      if (!connection.dialect.isDuplicate(error) || round >= MAX_ROUNDS) throw error;
      left = await withoutExisting(connection, left, outcomes);
    }
  }
}

async function insertResponses(connection: Connection, entries: readonly Entry[], now: string): Promise<void> {
  const rows: Value[][] = [];
  const graceEnd = msToDb(dbToMs(now) + PUBLISH_GRACE_MS);
  for (const { task } of entries) {
    const delay = delayOf(task, now);
    const due = delay ?? graceEnd;
    const timeout = clampMs(task.timeoutMs);
    const endpoints = task.endpoints.length > 1 ? [...task.endpoints].sort() : task.endpoints;
    for (const endpoint of endpoints) {
      const performer = task.deliver === "one" ? null : endpoint;
      for (const job of task.jobs) {
        rows.push([
          ...[task.id, endpoint, job, task.type, performer, "expected", 0, task.attempts, 1, timeout],
          ...[0, delay, due, 0, now, 1],
        ]);
      }
    }
  }
  try {
    for (const part of chunks(rows, MAX_LIST)) await connection.insert("task_responses", INSERT_RESPONSE, part);
  } catch (error) {
    if (!connection.dialect.isDuplicate(error)) throw error;
    throw new BadRow("An endpoint or a job stands twice in the task.", error);
  }
}

/** A run that has just ended holds its key until it is settled: settle it now and try once more. */
async function releaseFinished(db: Database, round: readonly Entry[], outcomes: CreateOutcome[]): Promise<void> {
  const busy = round.filter(({ index }) => outcomes[index]?.kind === "busy");
  if (busy.length === 0) return;
  await settle(
    db,
    busy.map(({ index }) => (outcomes[index] as { taskId: string }).taskId),
  );
  for (const entry of busy) await db.write((connection) => insertBatch(connection, [entry], outcomes));
}

function delayOf(task: TaskDraft, now: string): string | null {
  if (task.delayUntil === null) return null;
  const ms = Date.parse(task.delayUntil);
  return ms > dbToMs(now) ? msToDb(ms) : null;
}

/** Waiting and expiry begin when the task may begin. */
function clocksOf(task: TaskDraft, now: string): { delay: string | null; wait: string; expires: string | null } {
  const delay = delayOf(task, now);
  const from = dbToMs(delay ?? now);
  return {
    delay,
    wait: msToDb(from + clampMs(task.waitMs)),
    expires: task.expiresMs === null ? null : msToDb(from + clampMs(task.expiresMs)),
  };
}

function taskValues(task: NewTask, now: string): Value[] {
  const { delay, wait, expires } = clocksOf(task, now);
  return [
    ...[
      task.id,
      task.type,
      task.identifier,
      task.bodyHash,
      task.payload,
      Buffer.byteLength(task.payload),
      task.deliver,
    ],
    ...[task.attempts, clampMs(task.timeoutMs), task.priority, delay === null ? "pending" : "scheduled", now],
    ...[givenDelay(task), wait, expires, task.runKey, task.runKey, task.traceparent, task.createdBy, 1],
    task.endpoints.length * task.jobs.length,
  ];
}

function givenDelay(task: TaskDraft): string | null {
  return task.delayUntil === null ? null : msToDb(Date.parse(task.delayUntil));
}

function created(task: TaskDraft, now: string): TaskRecord {
  const { delay, wait, expires } = clocksOf(task, now);
  return {
    id: task.id,
    type: task.type,
    identifier: task.identifier,
    bodyHash: task.bodyHash,
    payload: task.payload,
    deliver: task.deliver,
    attempts: task.attempts,
    timeoutMs: clampMs(task.timeoutMs),
    priority: task.priority,
    status: delay === null ? "pending" : "scheduled",
    createdAt: fromDb(now),
    delayUntil: fromDb(givenDelay(task)),
    waitUntil: fromDb(wait),
    expiresAt: fromDb(expires),
    publishedAt: null,
    finishedAt: null,
    cancelAt: null,
    runKey: task.runKey,
    traceparent: task.traceparent,
    createdBy: task.createdBy,
    version: 1,
  };
}
