import { isId } from "../../../model/ids";
import { OPEN } from "../conditions";
import type { Connection, Database } from "../connection";
import { chunks, MAX_LIST, Sql } from "../sql";
import { lives } from "./living";

/** The endpoint has received another of its jobs, so this one is under way, too. */
const OTHER_JOB_BEGUN = `(SELECT 1 FROM task_responses other
    WHERE other.task_id = r.task_id AND other.endpoint = r.endpoint AND other.status <> 'expected' LIMIT 1) IS NOT NULL`;

/**
 * Applies the rule of model/completeness.ts in SQL. One statement decides unless a task has open
 * responses past its wait for endpoints.
 */
export async function unsettledTasks(db: Database, ids: readonly string[]): Promise<string[]> {
  const unsettled: string[] = [];
  for (const part of chunks(ids.filter(isId), MAX_LIST)) {
    const found = await db.read(async (connection) => {
      const open = await openTasks(connection, part);
      const over = open.filter((task) => task.wait_over).map(({ id }) => id);
      const inTime = open.filter((task) => !task.wait_over).map(({ id }) => id);
      return over.length === 0 ? inTime : [...inTime, ...(await dueTasks(connection, over))];
    });
    unsettled.push(...found);
  }
  return unsettled;
}

/**
 * Tasks with an open response. LIMIT instead of EXISTS: MariaDB may materialize the subquery of an
 * EXISTS, which reads the whole table.
 */
function openTasks(connection: Connection, ids: readonly string[]) {
  const { now, isIn } = connection.dialect;
  const sql = new Sql(`SELECT t.id, t.wait_until <= ${now} AS wait_over FROM tasks t WHERE `).append(isIn("t.id", ids));
  sql.add(` AND (SELECT 1 FROM task_responses r WHERE r.task_id = t.id
    AND r.status IN (${OPEN}) LIMIT 1) IS NOT NULL`);
  return connection.query<{ id: string; wait_over: number }>(sql.text, sql.values);
}

/**
 * Tasks past their wait with something under way, or a living endpoint that has not received it.
 */
async function dueTasks(connection: Connection, ids: readonly string[]): Promise<string[]> {
  const sql = new Sql("SELECT t.id FROM tasks t WHERE ").append(connection.dialect.isIn("t.id", ids));
  sql.add(` AND (SELECT 1 FROM task_responses r WHERE r.task_id = t.id AND (r.status IN ('received', 'running', 'retrying')
    OR (r.status = 'expected' AND (${OTHER_JOB_BEGUN} OR ${lives("t.type", "r.endpoint")}))) LIMIT 1) IS NOT NULL`);
  return (await connection.query<{ id: string }>(sql.text, sql.values)).map(({ id }) => id);
}
