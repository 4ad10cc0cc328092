import { firstIdAt } from "../../../model/ids";
import { FINAL_TASK_STATUSES } from "../../../model/task";
import type { Connection, Database } from "../connection";
import { nowOf } from "../rows";
import { chunks } from "../sql";
import { clampMs, dbToMs, msToDb } from "../times";

const BATCH = 100;
const FINAL = FINAL_TASK_STATUSES.map((status) => `'${status}'`).join(", ");
const CHILDREN = ["response_logs", "task_attempts", "task_responses"];

/** Oldest first; children before their task, so that what is left by a crash is found again by its task. */
export async function purgeTasks(db: Database, type: string, keepMs: number, limit: number): Promise<number> {
  const { ids, before } = await outlived(db, type, keepMs, limit);
  let gone = 0;
  for (const part of chunks(ids, BATCH)) gone += await db.write((connection) => purge(connection, part, before));
  return gone;
}

/** Reads without locks; what it finds is locked and looked at again before it goes. */
async function outlived(db: Database, type: string, keepMs: number, limit: number) {
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

/** Somebody may have retried one of them since they were read: whoever does so locks the task first. */
async function purge(connection: Connection, ids: readonly string[], before: string): Promise<number> {
  const { dialect } = connection;
  const read = dialect.isIn("id", ids);
  const rows = await connection.query<{ id: string }>(
    `SELECT id FROM tasks${dialect.byKey} WHERE ${read.text} AND status IN (${FINAL}) AND finished_at < ? ORDER BY id${dialect.forUpdate}`,
    [...read.values, before],
  );
  const over = rows.map(({ id }) => id);
  if (over.length === 0) return 0;
  const children = dialect.isIn("task_id", over);
  for (const table of CHILDREN) await connection.run(`DELETE FROM ${table} WHERE ${children.text}`, children.values);
  const tasks = dialect.isIn("id", over);
  return connection.run(`DELETE FROM tasks WHERE ${tasks.text}`, tasks.values);
}
