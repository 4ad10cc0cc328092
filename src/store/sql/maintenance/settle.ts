import { NOBODY, type TaskState, taskState } from "../../../model/completeness";
import { FINAL_STATUSES, isFinal, type ResponseStatus } from "../../../model/response";
import type { Settled } from "../../../model/settled";
import type { Connection, Database } from "../connection";
import { chunks, groupBy, MAX_LIST, matchKeys, pick, Sql, unique } from "../sql";
import { dbToMs, fromDb, toDb } from "../times";
import { type PublishedAt, publishedAt, publishedSql } from "./published";

interface TaskFacts {
  id: string;
  type: string;
  status: string;
  created_at: string;
  finished_at: string | null;
  delay_until: string | null;
  wait_until: string;
  open_run_key: string | null;
  now_at: string;
}

interface Change {
  taskId: string;
  status: string;
  finishedAt: string | null;
  final: boolean;
  published: PublishedAt;
}

interface RowFacts {
  task_id: string;
  endpoint: string;
  job: string;
  status: string;
  progress: number;
  received_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  due_at: string | null;
}

/**
 * Stores what completeness computes from the rows. The task rows are locked first, so that of two settlers the later one
 * sees the newer responses. Another program that ends a response by itself may leave a due mark on it: that is cleared, of
 * those that were seen final; only an operator's retry, which takes the same lock, could open one of them again.
 */
export async function settle(db: Database, taskIds: readonly string[]): Promise<void> {
  for (const part of chunks(unique(taskIds), 100)) {
    if (part.length === 0) continue;
    tellSettled(db, await db.write((connection) => settleBatch(connection, part)));
  }
}

export function tellSettled(db: Database, settled: Settled): void {
  for (const listener of listeners.get(db) ?? []) listener(settled);
}

type Listener = (settled: Settled) => void;
const listeners = new WeakMap<Database, Listener[]>();

export function onSettled(db: Database, listener: Listener): void {
  listeners.set(db, [...(listeners.get(db) ?? []), listener]);
}

async function settleBatch(connection: Connection, ids: readonly string[]): Promise<Settled> {
  const { dialect } = connection;
  const byId = dialect.isIn("id", ids);
  const tasks = await connection.query<TaskFacts>(
    `SELECT id, type, status, created_at, finished_at, delay_until, wait_until, open_run_key, ${dialect.now} AS now_at FROM tasks
     WHERE ${byId.text} ORDER BY id${dialect.forUpdate}`,
    byId.values,
  );
  const byTask = dialect.isIn("task_id", ids);
  const rows = await connection.query<RowFacts>(
    `SELECT task_id, endpoint, job, status, progress, received_at, started_at, finished_at, due_at
     FROM task_responses WHERE ${byTask.text}`,
    byTask.values,
  );
  const responses = groupBy(rows, (row) => row.task_id);

  const changed: Change[] = [];
  const settled: Settled = { tasks: [], responses: [] };
  for (const task of tasks) {
    const own = responses.get(task.id) ?? [];
    const state = stateOf(task, own);
    const finishedAt = state.finishedAt === null ? null : toDb(state.finishedAt);
    const final = state.completeness.complete;
    const same =
      task.status === state.status && task.finished_at === finishedAt && !(final && task.open_run_key !== null);
    const published = publishedAt(
      fromDb(task.created_at),
      own.map((row) => fromDb(row.received_at)),
    );
    if (!same) changed.push({ taskId: task.id, status: state.status, finishedAt, final, published });
    const begun = latest(task.created_at, task.delay_until);
    if (final && task.status !== state.status && finishedAt !== null) {
      settled.tasks.push({ id: task.id, type: task.type, status: state.status, seconds: seconds(begun, finishedAt) });
    }
  }
  await storeStates(connection, changed);
  await clearMarks(
    connection,
    rows.filter((row) => row.due_at !== null && isFinal(row.status as ResponseStatus)),
  );
  return settled;
}

function latest(time: string, other: string | null): string {
  return other !== null && other > time ? other : time;
}

function seconds(from: string, to: string): number {
  return Math.max(0, dbToMs(to) - dbToMs(from)) / 1000;
}

function stateOf(task: TaskFacts, rows: RowFacts[]): TaskState {
  return taskState(
    rows.map((row) => ({
      endpoint: row.endpoint,
      status: row.status as ResponseStatus,
      progress: row.progress,
      receivedAt: fromDb(row.received_at),
      startedAt: fromDb(row.started_at),
      finishedAt: fromDb(row.finished_at),
    })),
    {
      delayed: task.delay_until !== null && task.delay_until > task.now_at,
      waitOver: task.wait_until <= task.now_at,
      living: NOBODY,
    },
  );
}

async function storeStates(connection: Connection, changed: readonly Change[]): Promise<void> {
  for (const group of groupBy(changed, (row) => `${row.final}`).values()) {
    const asTask = new Sql("UPDATE tasks SET status = ").append(pick(group, (row) => row.status, "id"));
    // The same moment that was computed, looked up once more: a list of all of them would cost more than the look.
    if (group[0]!.final) {
      asTask.add(`, finished_at = ${LAST_FINISH}, published_at = `).append(publishedSql(connection.dialect, group));
      asTask.add(", open_run_key = NULL");
    } else asTask.add(", finished_at = ").append(pick(group, (row) => row.finishedAt, "id"));
    asTask.add(", version = version + 1 WHERE ").append(
      connection.dialect.isIn(
        "id",
        group.map((row) => row.taskId),
      ),
    );
    await connection.run(asTask.text, asTask.values);
  }
}

const FINAL = FINAL_STATUSES.map((status) => `'${status}'`).join(", ");
const LAST_FINISH = "(SELECT MAX(r.finished_at) FROM task_responses r WHERE r.task_id = tasks.id)";

async function clearMarks(connection: Connection, rows: readonly RowFacts[]): Promise<void> {
  for (const part of chunks(rows, MAX_LIST)) {
    const keys = part.map((row) => ({ taskId: row.task_id, endpoint: row.endpoint, job: row.job }));
    const sql = new Sql(`UPDATE task_responses${connection.dialect.byKey} SET due_at = NULL WHERE `);
    sql.append(matchKeys(connection.dialect, keys)).add(` AND status IN (${FINAL})`);
    await connection.run(sql.text, sql.values);
  }
}
