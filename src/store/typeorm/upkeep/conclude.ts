import { taskState } from "../../../model/completeness";
import type { TaskStatus } from "../../../model/task";
import type { DueResponse } from "../../store";
import type { Connection, Database } from "../connection";
import { chunks, groupBy, inKeyOrder, matchKeys, pick, Sql } from "../sql";
import { backToDb } from "../times";
import { settle, tellSettled } from "./settle";

/** Tasks in one transaction. */
const SIZE = 100;
/** Their end lies behind them: neither a delay nor the wait for endpoints says anything about them any more. */
const NO_CLOCK = { delayed: false, waitOver: false };

interface Ended {
  taskId: string;
  rows: readonly DueResponse[];
  status: TaskStatus;
  finishedAt: string;
  publishedAt: string;
}

/** Somebody has touched the task or a response since they were read. */
class Changed extends Error {}

/**
 * Settles tasks whose every response has been read and is final: nearly all of them, so their states are computed from what
 * the reconciler has read anyway, and two statements store them. The versions say that it all still is as it was read; where
 * one has moved, the transaction is undone and the tasks are settled with a closer look.
 */
export async function conclude(db: Database, tasks: ReadonlyArray<readonly DueResponse[]>): Promise<void> {
  for (const part of chunks(
    tasks.map(ended).sort((a, b) => (a.taskId < b.taskId ? -1 : 1)),
    SIZE,
  )) {
    try {
      await db.write(async (connection) => {
        await storeEnds(connection, part);
        await clearMarks(connection, part);
      });
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
      await settle(
        db,
        part.map(({ taskId }) => taskId),
      );
      continue;
    }
    tellSettled(db, { tasks: part.filter(isNews).map(taskNews), responses: part.flatMap(responseNews) });
  }
}

function ended(rows: readonly DueResponse[]): Ended {
  const { status, finishedAt } = taskState(rows, NO_CLOCK);
  const { taskId, task } = rows[0]!;
  const received = rows.map((row) => row.receivedAt).filter((time) => time !== null);
  // The note of the publish may still be on its way; by the first receipt it had been published.
  const publishedAt = received.sort()[0] ?? finishedAt ?? task.createdAt;
  return {
    taskId,
    rows,
    status,
    finishedAt: backToDb(finishedAt ?? task.createdAt),
    publishedAt: backToDb(publishedAt),
  };
}

async function storeEnds(connection: Connection, part: readonly Ended[]): Promise<void> {
  for (const group of groupBy(part, ({ rows }) => `${rows[0]!.task.version}`).values()) {
    const sql = new Sql("UPDATE tasks SET status = ").append(pick(group, (task) => task.status, "id"));
    sql.add(", finished_at = ").append(pick(group, (task) => task.finishedAt, "id"));
    sql.add(", published_at = COALESCE(published_at, ").append(pick(group, (task) => task.publishedAt, "id"));
    sql.add("), open_run_key = NULL, version = version + 1 WHERE ");
    sql.append(
      connection.dialect.isIn(
        "id",
        group.map(({ taskId }) => taskId),
      ),
    );
    sql.add(" AND version = ?", group[0]!.rows[0]!.task.version);
    if ((await connection.run(sql.text, sql.values)) !== group.length) throw new Changed();
  }
}

async function clearMarks(connection: Connection, part: readonly Ended[]): Promise<void> {
  const rows = part.flatMap((task) => task.rows).sort(inKeyOrder);
  for (const group of groupBy(rows, (row) => `${row.version}`).values()) {
    for (const keys of chunks(group, 500)) {
      const sql = new Sql(`UPDATE task_responses${connection.dialect.byKey} SET due_at = NULL WHERE `);
      sql.append(matchKeys(connection.dialect, keys)).add(" AND version = ?", keys[0]!.version);
      if ((await connection.run(sql.text, sql.values)) !== keys.length) throw new Changed();
    }
  }
}

/** Not a task that was complete before, and of which only the marks are cleared. */
function isNews({ rows, status }: Ended): boolean {
  return rows[0]!.task.status !== status;
}

function taskNews({ taskId, rows, status, finishedAt }: Ended) {
  return {
    id: taskId,
    type: rows[0]!.type,
    status,
    seconds: secondsSinceBegin(rows[0]!, `${finishedAt.replace(" ", "T")}Z`),
  };
}

function responseNews({ rows }: Ended) {
  return rows.map((row) => ({
    type: row.type,
    endpoint: row.performer ?? row.endpoint,
    status: row.status,
    deliverySeconds: row.receivedAt === null ? null : secondsSinceBegin(row, row.receivedAt),
  }));
}

/** Counted from the creation, or from the end of its delay. */
function secondsSinceBegin({ task }: DueResponse, to: string): number {
  const begun = task.delayUntil !== null && task.delayUntil > task.createdAt ? task.delayUntil : task.createdAt;
  return Math.max(0, Date.parse(to) - Date.parse(begun)) / 1000;
}
