import { firstIdAt } from "../../../model/ids";
import { FINAL_TASK_STATUSES } from "../../../model/task";
import type { Connection, Database } from "../connection";
import { chunks } from "../sql";
import { clampMs, dbToMs, msToDb, nowOf } from "../times";

const BATCH = 100;
const FINAL = FINAL_TASK_STATUSES.map((status) => `'${status}'`).join(", ");
const CHILDREN = ["response_logs", "task_attempts", "task_responses"];

/**
 * Deletes the oldest first, and a task after its children, so that a task leads to what a crash
 * leaves.
 */
export async function purgeTasks(db: Database, type: string, keepMs: number, limit: number): Promise<number> {
  const { ids, before } = await expiredTasks(db, type, keepMs, limit);
  let gone = 0;
  for (const part of chunks(ids, BATCH)) gone += await db.write((connection) => purge(connection, part, before));
  return gone;
}

/** Reads without locks; `purge` checks again under a lock. */
async function expiredTasks(db: Database, type: string, keepMs: number, limit: number) {
  return db.read(async (connection) => {
    const before = dbToMs(await nowOf(connection)) - clampMs(keepMs);
    const found: string[] = [];
    for (const status of FINAL_TASK_STATUSES) {
      const rows = await connection.query<{ id: string }>(
        "SELECT id FROM tasks WHERE type = ? AND status = ? AND id < ? AND finished_at < ? ORDER BY id LIMIT ?",
        [type, status, firstIdAt(before), msToDb(before), limit - found.length],
      );
      for (const row of rows) found.push(row.id);
      if (found.length >= limit) break;
    }
    return { ids: found.sort(), before: msToDb(before) };
  });
}

/** A retry, which locks the task first, may have reopened one since they were read. */
async function purge(connection: Connection, ids: readonly string[], before: string): Promise<number> {
  const { dialect } = connection;
  const read = dialect.isIn("id", ids);
  const rows = await connection.query<{ id: string }>(
    `SELECT id FROM tasks${dialect.byKey} WHERE ${read.text} AND status IN (${FINAL}) AND finished_at < ?
     ORDER BY id${dialect.forUpdate}`,
    [...read.values, before],
  );
  const found = rows.map(({ id }) => id);
  if (found.length === 0) return 0;
  const children = dialect.isIn("task_id", found);
  for (const table of CHILDREN) await connection.run(`DELETE FROM ${table} WHERE ${children.text}`, children.values);
  const tasks = dialect.isIn("id", found);
  return connection.run(`DELETE FROM tasks WHERE ${tasks.text}`, tasks.values);
}
