import { NOBODY, taskState } from "../../../model/completeness";
import type { TaskStatus } from "../../../model/task";
import type { EndedResponse } from "../../store";
import type { Connection, Database } from "../connection";
import { chunks, compare, groupBy, pickShared, Sql } from "../sql";
import { unsettledTasks } from "../tasks/unsettled";
import { backToDb, fromDb, parsed } from "../times";
import { type PublishedAt, publishedAt, publishedSql } from "./published";
import { settle, tellSettled } from "./settle";

/** Tasks in one transaction. */
const SIZE = 100;
/** Their end lies behind them: neither a delay nor the wait for endpoints says anything about them any more. */
const NO_CLOCK = { delayed: false, waitOver: false, living: NOBODY };

interface Ended {
  taskId: string;
  rows: readonly EndedResponse[];
  status: TaskStatus;
  finishedAt: string;
  published: PublishedAt;
}

/** Somebody has touched the task since its responses were read. */
class Changed extends Error {}

/**
 * Stores what the ends of these responses mean for their tasks. Nearly always all responses of a task are among them: then its
 * state is computed from them alone, and one statement stores it. A final response can only be changed by a retry, which moves
 * the task's version: where that is not as it was read, the transaction is undone and the tasks are settled with a closer look.
 *
 * A task that has others under way stays as it is, once it is stored as running.
 */
export async function completeTasks(db: Database, responses: readonly EndedResponse[]): Promise<void> {
  const whole: Ended[] = [];
  const partly = new Map<string, string>();
  for (const [taskId, rows] of groupBy(responses, (row) => row.taskId)) {
    const { task } = rows[0]!;
    if (rows.length === task.expected) whole.push(ended(rows));
    else partly.set(taskId, task.status);
  }
  const fresh = whole.filter(({ status, rows }) => rows[0]!.task.status !== status);
  // Neighbours in the feed have ended together and share their times; within a transaction rows are locked in their order.
  for (const part of chunks(fresh, SIZE))
    await storeEnds(
      db,
      part.sort((a, b) => compare(a.taskId, b.taskId)),
    );
  if (partly.size > 0) await lookCloser(db, partly);
  tellSettled(db, { tasks: [], responses: responses.map(responseNews) });
}

/** @param stored by task id, the status it is stored with */
async function lookCloser(db: Database, stored: ReadonlyMap<string, string>): Promise<void> {
  const underWay = new Set(await unsettledTasks(db, [...stored.keys()]));
  const others = [...stored].filter(([id, status]) => status !== "running" || !underWay.has(id)).map(([id]) => id);
  await settle(db, others);
}

function ended(rows: readonly EndedResponse[]): Ended {
  const { taskId, task } = rows[0]!;
  const facts = rows.map(({ endpoint, status, receivedAt, finishedAt }) => {
    return { endpoint, status, progress: 1, receivedAt, startedAt: null, finishedAt };
  });
  const { status, finishedAt } = taskState(facts, NO_CLOCK);
  const receipts = rows.map(({ receivedAt }) => receivedAt);
  return {
    taskId,
    rows,
    status,
    finishedAt: backToDb(finishedAt ?? task.createdAt),
    published: publishedAt(task.createdAt, receipts),
  };
}

async function storeEnds(db: Database, part: readonly Ended[]): Promise<void> {
  try {
    await db.write((connection) => store(connection, part));
  } catch (error) {
    if (!(error instanceof Changed)) throw error;
    const ids = part.map(({ taskId }) => taskId);
    await settle(db, ids);
    return;
  }
  tellSettled(db, { tasks: part.map(taskNews), responses: [] });
}

async function store(connection: Connection, part: readonly Ended[]): Promise<void> {
  for (const group of groupBy(part, ({ rows }) => `${rows[0]!.task.version}`).values()) {
    const shared = (valueIn: (task: Ended) => string) => pickShared(connection.dialect, group, valueIn, "id");
    const sql = new Sql("UPDATE tasks SET status = ").append(shared((task) => task.status));
    sql.add(", finished_at = ").append(shared((task) => task.finishedAt));
    sql.add(", published_at = ").append(publishedSql(connection.dialect, group));
    sql.add(", open_run_key = NULL, version = version + 1 WHERE ");
    const ids = group.map(({ taskId }) => taskId);
    sql.append(connection.dialect.isIn("id", ids)).add(" AND version = ?", group[0]!.rows[0]!.task.version);
    if ((await connection.run(sql.text, sql.values)) !== group.length) throw new Changed();
  }
}

function taskNews({ taskId, rows, status, finishedAt }: Ended) {
  const seconds = secondsSinceBegin(rows[0]!, fromDb(finishedAt));
  return { id: taskId, type: rows[0]!.type, status, seconds };
}

function responseNews(row: EndedResponse) {
  const deliverySeconds = row.receivedAt === null ? null : secondsSinceBegin(row, row.receivedAt);
  return { type: row.type, endpoint: row.performer ?? row.endpoint, status: row.status, deliverySeconds };
}

/** Counted from the creation, or from the end of its delay. */
function secondsSinceBegin({ task }: EndedResponse, to: string): number {
  const begun = task.delayUntil !== null && task.delayUntil > task.createdAt ? task.delayUntil : task.createdAt;
  return Math.max(0, parsed(to) - parsed(begun)) / 1000;
}
