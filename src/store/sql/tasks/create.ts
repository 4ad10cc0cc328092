import type { NewTask, TaskDraft } from "../../../model/task";
import type { CreateOutcome } from "../../store";
import { BadRow, bisect } from "../bisect";
import type { Connection, Database, Value } from "../connection";
import { fitting } from "../size";
import { chunks, compare, MAX_LIST } from "../sql";
import { expectedOf, RESPONSES } from "../tables/responses";
import { type Moment, valueRows } from "../tables/table";
import { TASKS } from "../tables/tasks";
import { clampMs, dbToMs, msToDb, nowOf } from "../times";
import { createScript, type ScriptRow, scriptAnswer } from "./create-script";
import { endpointsOfType } from "./endpoints";
import { type DraftEntry, type Entry, withoutExisting } from "./existing";

const MAX_ROUNDS = 5;

/**
 * Stores tasks with their expected responses. Nearly always two INSERTs take all of them. Tasks
 * that collide with stored rows, with each other or with the database's limits get further
 * statements.
 */
export async function createTasks(db: Database, tasks: readonly TaskDraft[]): Promise<CreateOutcome[]> {
  const outcomes = new Array<CreateOutcome>(tasks.length);
  let left: DraftEntry[] = tasks.map((task, index) => ({ index, task }));
  while (left.length > 0) {
    const { round, later } = firstOfEach(left);
    if (!(await createAtOnce(db, round, outcomes))) await createStepwise(db, round, outcomes);
    left = later.filter((entry) => !answerByTwin(entry, round, outcomes));
  }
  return outcomes;
}

/** Stores all in one round trip. False: one of them needs more steps, and nothing is stored. */
async function createAtOnce(db: Database, round: readonly DraftEntry[], outcomes: CreateOutcome[]): Promise<boolean> {
  const script = db.writeScript ? createScript(round.map(({ task }) => task)) : null;
  if (script === null) return false;
  try {
    const sets = await db.writeScript!<ScriptRow>(script);
    if (sets === null) return false;
    const { now, registered } = scriptAnswer(sets);
    for (const { index, task } of round) {
      const endpoints = task.endpoints ?? registered.get(task.type)!;
      outcomes[index] = { kind: "created", task: TASKS.inserted(task, momentOf(task, now)), endpoints };
    }
    return true;
  } catch (error) {
    if (db.dialect.isDuplicate(error) || db.dialect.isBadRow(error)) return false;
    throw error;
  }
}

/** Stores statement by statement. A bad row splits the transaction. */
async function createStepwise(db: Database, round: readonly DraftEntry[], outcomes: CreateOutcome[]): Promise<void> {
  await bisect(
    db.dialect,
    await addressed(db, round),
    (part) => db.write((connection) => insertBatch(connection, part, outcomes)),
    ({ index }, error) => {
      outcomes[index] = { kind: "refused", error };
    },
  );
}

/** A task that names no endpoint gets all that are registered for its type; there may be none. */
async function addressed(db: Database, round: readonly DraftEntry[]): Promise<Entry[]> {
  const registered = new Map<string, string[]>();
  for (const { task } of round) {
    if (task.endpoints === null && !registered.has(task.type))
      registered.set(task.type, await endpointsOfType(db, task.type));
  }
  return round.map(({ index, task }) => ({
    index,
    task: task.endpoints ? (task as NewTask) : { ...task, endpoints: registered.get(task.type)! },
  }));
}

/** Postpones tasks with the identifier or run key of an earlier one. */
function firstOfEach(entries: DraftEntry[]): { round: DraftEntry[]; later: DraftEntry[] } {
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

/** A task with the identifier of one of the round has its outcome. */
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
  const unaddressed = entries.filter(({ task }) => task.endpoints.length === 0);
  for (const { index } of await withoutExisting(connection, unaddressed, outcomes))
    outcomes[index] = { kind: "unaddressed" };
  let left = entries.filter(({ task }) => task.endpoints.length > 0);
  for (let round = 1; left.length > 0; round++) {
    const { runs, tooLarge } = fitting(left, ({ task }) => [task.payload, task.identifier], connection.maxBytes);
    for (const { row, error } of tooLarge) outcomes[row.index] = { kind: "refused", error };
    left = runs.flat();
    try {
      for (const run of runs) {
        await insertRun(
          connection,
          run.map(({ task }) => task),
          now,
        );
        for (const { index, task } of run) {
          const record = TASKS.inserted(task, momentOf(task, now));
          outcomes[index] = { kind: "created", task: record, endpoints: task.endpoints };
        }
        left = left.filter((entry) => !run.includes(entry));
      }
    } catch (error) {
      // The failed statement has inserted nothing, and the transaction goes on.
      if (!connection.dialect.isDuplicate(error) || round >= MAX_ROUNDS) throw error;
      left = await withoutExisting(connection, left, outcomes);
    }
  }
}

async function insertRun(connection: Connection, tasks: readonly NewTask[], now: string): Promise<void> {
  const moments = new Map(tasks.map((task) => [task, momentOf(task, now)]));
  const taskRows = TASKS.firstRows(
    tasks.map((task) => ({ made: task, at: moments.get(task)! })),
    false,
  );
  await connection.insert("tasks", taskRows.columns, valueRows(taskRows));
  const made = tasks.flatMap((task) => expectedOf(task).map((made) => ({ made, at: moments.get(task)! })));
  try {
    for (const part of chunks(made, MAX_LIST)) {
      const rows = RESPONSES.firstRows(part, false);
      await connection.insert("task_responses", rows.columns, valueRows(rows));
    }
  } catch (error) {
    if (!connection.dialect.isDuplicate(error)) throw error;
    throw new BadRow("The task names an endpoint or a job twice.", error);
  }
}

function momentOf({ delayUntil }: TaskDraft, now: string): Moment & { now: Value } {
  const nowMs = dbToMs(now);
  const delayMs = delayUntil === null ? 0 : Date.parse(delayUntil);
  const delay = delayMs > nowMs ? msToDb(delayMs) : null;
  const from = delay === null ? nowMs : dbToMs(delay);
  return { now, delay, after: (ms) => msToDb(from + clampMs(ms)) };
}
