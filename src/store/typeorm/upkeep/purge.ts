import { firstIdAt } from "../../../model/ids";
import { FINAL_TASK_STATUSES } from "../../../model/task";
import type { Database } from "../connection";
import { nowOf } from "../rows";
import { chunks } from "../sql";
import { clampMs, dbToMs, msToDb } from "../times";

const BATCH = 100;
const CHILDREN = ["response_logs", "task_attempts", "task_responses"];

/** Oldest first; children before their task, so that what is left by a crash is found again by its task. */
export async function purgeTasks(db: Database, type: string, keepMs: number, limit: number): Promise<number> {
  const ids = await db.read(async (connection) => {
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
    return found.sort();
  });
  for (const part of chunks(ids, BATCH)) {
    await db.write(async (connection) => {
      const children = db.dialect.isIn("task_id", part);
      for (const table of CHILDREN)
        await connection.run(`DELETE FROM ${table} WHERE ${children.text}`, children.values);
      const tasks = db.dialect.isIn("id", part);
      await connection.run(`DELETE FROM tasks WHERE ${tasks.text}`, tasks.values);
    });
  }
  return ids.length;
}
