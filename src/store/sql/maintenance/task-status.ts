import { NOBODY, type TaskState, taskState } from "../../../model/completeness";
import type { Completions } from "../../../model/completions";
import { isFinal, type ResponseStatus } from "../../../model/response";
import type { EndedResponse } from "../../store";
import { FINAL } from "../conditions";
import type { Connection, Database } from "../connection";
import { chunks, groupBy, MAX_LIST, matchKeys, pick, Sql, unique } from "../sql";
import { PUBLISH_GRACE_MS } from "../tables/responses";
import { unsettledTasks } from "../tasks/unsettled";
import { backToDb, fromDb, parsed } from "../times";

/** Tasks in one transaction. */
const SIZE = 100;

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

interface ResponseFacts {
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

type Listener = (completions: Completions) => void;

/**
 * The status that a task's row carries for lists: what completeness computes from the responses.
 *
 * The task rows are locked before their responses are read, so that of two writers the later one
 * sees the newer responses. An operator's retry takes the same lock.
 */
export class TaskStatuses {
  private readonly listeners: Listener[] = [];

  constructor(private readonly db: Database) {}

  /** Called after the commit, in the process that stored the status. */
  onCompleted(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Computes and stores the status of these tasks. */
  async store(taskIds: readonly string[]): Promise<void> {
    for (const part of chunks(unique(taskIds), SIZE)) {
      if (part.length === 0) continue;
      const tasks = await this.db.write((connection) => storeBatch(connection, part));
      this.emit({ tasks, responses: [] });
    }
  }

  /**
   * Stores what these ends mean for their tasks. A task with responses under way stays as it is
   * once it is stored as running.
   */
  async complete(ended: readonly EndedResponse[]): Promise<void> {
    const due: string[] = [];
    const partly = new Map<string, string>();
    for (const [taskId, rows] of groupBy(ended, (row) => row.taskId)) {
      const { task } = rows[0]!;
      if (rows.length === task.expected) due.push(taskId);
      else partly.set(taskId, task.status);
    }
    const underWay = new Set(partly.size > 0 ? await unsettledTasks(this.db, [...partly.keys()]) : []);
    for (const [id, status] of partly) if (status !== "running" || !underWay.has(id)) due.push(id);
    await this.store(due);
    this.emit({ tasks: [], responses: ended.map(responseCompletion) });
  }

  private emit(completions: Completions): void {
    for (const listener of this.listeners) listener(completions);
  }
}

async function storeBatch(connection: Connection, ids: readonly string[]): Promise<Completions["tasks"]> {
  const { dialect } = connection;
  const byId = dialect.isIn("id", ids);
  const tasks = await connection.query<TaskFacts>(
    `SELECT id, type, status, created_at, finished_at, delay_until, wait_until, open_run_key, ${dialect.now} AS now_at FROM tasks
     WHERE ${byId.text} ORDER BY id${dialect.forUpdate}`,
    byId.values,
  );
  const byTask = dialect.isIn("task_id", ids);
  const rows = await connection.query<ResponseFacts>(
    `SELECT task_id, endpoint, job, status, progress, received_at, started_at, finished_at, due_at
     FROM task_responses WHERE ${byTask.text}`,
    byTask.values,
  );
  const responses = groupBy(rows, (row) => row.task_id);

  const changed: StateChange[] = [];
  const completed: Completions["tasks"] = [];
  for (const task of tasks) {
    const state = stateOf(task, responses.get(task.id) ?? []);
    const { complete: final } = state.completeness;
    const finishedAt = state.finishedAt === null ? null : backToDb(state.finishedAt);
    const same = task.status === state.status && task.finished_at === finishedAt;
    if (!same || (final && task.open_run_key !== null))
      changed.push({ taskId: task.id, status: state.status, finishedAt, final });
    if (final && task.status !== state.status && state.finishedAt !== null) {
      const seconds = secondsBetween(begin(fromDb(task.created_at), fromDb(task.delay_until)), state.finishedAt);
      completed.push({ id: task.id, type: task.type, status: state.status, seconds });
    }
  }
  await storeStates(connection, changed);
  await clearDue(
    connection,
    rows.filter((row) => row.due_at !== null && isFinal(row.status as ResponseStatus)),
  );
  return completed;
}

function stateOf(task: TaskFacts, rows: ResponseFacts[]): TaskState {
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

interface StateChange {
  taskId: string;
  status: string;
  finishedAt: string | null;
  final: boolean;
}

async function storeStates(connection: Connection, changed: readonly StateChange[]): Promise<void> {
  for (const group of groupBy(changed, (row) => row.final).values()) {
    const sql = new Sql("UPDATE tasks SET status = ").append(pick(group, (row) => row.status, "id"));
    // The server finds the moment again in less time than it takes to compare a row with a list of moments.
    if (group[0]!.final) sql.add(`, finished_at = ${LAST_FINISH}, published_at = ${publishedAt(connection)}`);
    else sql.add(", finished_at = ").append(pick(group, (row) => row.finishedAt, "id"));
    if (group[0]!.final) sql.add(", open_run_key = NULL");
    const ids = group.map((row) => row.taskId);
    sql.add(", version = version + 1 WHERE ").append(connection.dialect.isIn("id", ids));
    await connection.run(sql.text, sql.values);
  }
}

const OF_TASK = "FROM task_responses r WHERE r.task_id = tasks.id";
const LAST_FINISH = `(SELECT MAX(r.finished_at) ${OF_TASK})`;

/**
 * A task may end before its confirm is noted. Then it counts as published when it was created,
 * or, if nothing was received within the grace, at its first receipt; without one it stays unknown.
 */
function publishedAt({ dialect }: Connection): string {
  const graceEnd = dialect.plus("tasks.created_at", String(PUBLISH_GRACE_MS));
  const first = "MIN(r.received_at)";
  return `COALESCE(published_at, (SELECT CASE WHEN ${first} < ${graceEnd} THEN tasks.created_at ELSE ${first} END ${OF_TASK}))`;
}

/** Another program that ends a response may leave it due. */
async function clearDue(connection: Connection, rows: readonly ResponseFacts[]): Promise<void> {
  for (const part of chunks(rows, MAX_LIST)) {
    const keys = part.map((row) => ({ taskId: row.task_id, endpoint: row.endpoint, job: row.job }));
    const sql = new Sql(`UPDATE task_responses${connection.dialect.byKey} SET due_at = NULL WHERE `);
    sql.append(matchKeys(connection.dialect, keys)).add(` AND status IN (${FINAL})`);
    await connection.run(sql.text, sql.values);
  }
}

function responseCompletion({ task, ...row }: EndedResponse): Completions["responses"][number] {
  const { type, performer, endpoint, status, receivedAt } = row;
  const from = begin(task.createdAt, task.delayUntil);
  const deliverySeconds = receivedAt === null ? null : secondsBetween(from, receivedAt);
  return { type, endpoint: performer ?? endpoint, status, deliverySeconds };
}

function begin(createdAt: string, delayUntil: string | null): string {
  return delayUntil !== null && delayUntil > createdAt ? delayUntil : createdAt;
}

function secondsBetween(from: string, to: string): number {
  return Math.max(0, parsed(to) - parsed(from)) / 1000;
}
