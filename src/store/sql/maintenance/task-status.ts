import { groupBy } from "../../../group-by";
import { NOBODY, type TaskState, taskState } from "../../../model/completeness";
import type { Completions } from "../../../model/completions";
import { isFinal, type ResponseRecord } from "../../../model/response";
import type { TaskRecord } from "../../../model/task";
import { type EndedResponse, PUBLISH_GRACE_MS } from "../../store";
import { FINAL } from "../conditions";
import type { Connection, Database } from "../connection";
import { type Apart, chunks, pick, Sql, unique } from "../sql";
import { RESPONSES } from "../tables/responses";
import { TASKS } from "../tables/tasks";
import { unsettledTasks } from "../tasks/unsettled";
import { fromDb, parsed } from "../times";
import { updateResponses } from "../update-responses";

/** Tasks in one transaction. */
const BATCH = 100;

const TASK = TASKS.select("", {
  only: ["id", "type", "status", "createdAt", "finishedAt", "delayUntil", "waitUntil"],
});
type TaskRow = Pick<TaskRecord, "id" | "type" | "status" | "createdAt" | "finishedAt" | "delayUntil" | "waitUntil"> & {
  open_run_key: string | null;
  now_at: string;
};

const RESPONSE = RESPONSES.select("", {
  only: ["taskId", "endpoint", "job", "status", "progress", "receivedAt", "startedAt", "finishedAt"],
});
type ResponseRow = Pick<
  ResponseRecord,
  "taskId" | "endpoint" | "job" | "status" | "progress" | "receivedAt" | "startedAt" | "finishedAt"
> & { due_at: string | null };

type Listener = (completions: Completions) => void;

/**
 * Stores the status that completeness computes from a task's responses in the task's row, for
 * lists.
 *
 * A transaction locks the tasks before it reads their responses, so that the later of two writers
 * sees the newer responses. A retry takes the same lock.
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
    for (const part of chunks(unique(taskIds), BATCH)) {
      if (part.length === 0) continue;
      const tasks = await this.db.write((connection) => storeBatch(connection, part));
      this.emit({ tasks, responses: [] });
    }
  }

  /** Skips a task that is stored as running and has responses under way. */
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
  const { isIn, now, forUpdate } = connection.dialect;
  const byId = isIn("id", ids);
  const tasks = await connection.query<TaskRow>(
    `SELECT ${TASK}, open_run_key, ${now} AS now_at FROM tasks WHERE ${byId.text} ORDER BY id${forUpdate}`,
    byId.values,
  );
  const byTask = isIn("task_id", ids);
  const rows = await connection.query<ResponseRow>(
    `SELECT ${RESPONSE}, due_at FROM task_responses WHERE ${byTask.text}`,
    byTask.values,
  );
  for (const row of rows) RESPONSES.record(row);
  const responses = groupBy(rows, (row) => row.taskId);

  const changed: StateChange[] = [];
  const completed: Completions["tasks"] = [];
  for (const row of tasks) {
    const task = TASKS.record<TaskRow>(row);
    const { status, finishedAt, completeness } = stateOf(task, responses.get(task.id) ?? []);
    const final = completeness.complete;
    const same = task.status === status && task.finishedAt === finishedAt;
    if (!same || (final && task.open_run_key !== null)) changed.push({ taskId: task.id, status, final });
    if (final && task.status !== status && finishedAt !== null)
      completed.push({ id: task.id, type: task.type, status, seconds: secondsBetween(startOf(task), finishedAt) });
  }
  await storeStates(connection, changed);
  // Another program that ends a response may leave it due.
  const stillDue = rows.filter((row) => row.due_at !== null && isFinal(row.status));
  await updateResponses(connection, stillDue, new Sql("due_at = NULL"), new Sql(`status IN (${FINAL})`));
  return completed;
}

function stateOf({ delayUntil, waitUntil, now_at }: TaskRow, rows: ResponseRow[]): TaskState {
  const now = fromDb(now_at);
  const delayed = delayUntil !== null && delayUntil > now;
  return taskState(rows, { delayed, waitOver: waitUntil <= now, living: NOBODY });
}

interface StateChange {
  taskId: string;
  status: string;
  final: boolean;
}

const BY_ID: Apart<StateChange> = { column: "id", of: ({ taskId }) => taskId };

async function storeStates(connection: Connection, changed: readonly StateChange[]): Promise<void> {
  for (const [final, group] of groupBy(changed, (row) => row.final)) {
    const sql = new Sql("UPDATE tasks SET status = ").append(pick(group, (row) => row.status, BY_ID));
    // The server finds the time again faster than it compares a row with a list of times.
    sql.add(`, finished_at = ${final ? LAST_FINISH : "NULL"}`);
    if (final) sql.add(`, published_at = ${publishedAt(connection)}, open_run_key = NULL`);
    const ids = group.map((row) => row.taskId);
    sql.add(", version = version + 1 WHERE ").append(connection.dialect.isIn("id", ids));
    await connection.run(sql.text, sql.values);
  }
}

const OF_TASK = "FROM task_responses r WHERE r.task_id = tasks.id";
const LAST_FINISH = `(SELECT MAX(r.finished_at) ${OF_TASK})`;

/**
 * A task may end before its confirm is stored. Then it counts as published when it was created or,
 * if nothing was received within the grace, at its first receipt. Without a receipt it stays NULL.
 */
function publishedAt({ dialect }: Connection): string {
  const graceEnd = dialect.plus("tasks.created_at", String(PUBLISH_GRACE_MS));
  const first = "MIN(r.received_at)";
  return `COALESCE(published_at, (SELECT CASE WHEN ${first} < ${graceEnd} THEN tasks.created_at ELSE ${first} END ${OF_TASK}))`;
}

function responseCompletion({ task, ...row }: EndedResponse): Completions["responses"][number] {
  const { type, performer, endpoint, status, receivedAt } = row;
  const deliverySeconds = receivedAt === null ? null : secondsBetween(startOf(task), receivedAt);
  return { type, endpoint: performer ?? endpoint, status, deliverySeconds };
}

/** A task's times count from its creation, or from the end of its delay. */
function startOf({ createdAt, delayUntil }: { createdAt: string; delayUntil: string | null }): string {
  return delayUntil !== null && delayUntil > createdAt ? delayUntil : createdAt;
}

function secondsBetween(from: string, to: string): number {
  return Math.max(0, parsed(to) - parsed(from)) / 1000;
}
