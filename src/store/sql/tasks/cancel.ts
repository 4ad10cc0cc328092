import { isId } from "../../../model/ids";
import { ANY_ENDPOINT } from "../../../model/names";
import { isFinal, type ResponseStatus } from "../../../model/response";
import type { CancelOutcome } from "../../store";
import type { Database } from "../connection";
import { chunks, MAX_LIST, matchKeys, Sql } from "../sql";

interface Row {
  task_id: string;
  endpoint: string;
  job: string;
  performer: string | null;
  status: ResponseStatus;
  cancel_at: string | null;
}

/**
 * What waits is cancelled here and now; what runs is marked, and its manager hears of it with its next question. With `endpoints`
 * only there, and the task itself is not marked as cancelled.
 */
export function cancelTask(
  db: Database,
  taskId: string,
  endpoints?: readonly string[],
): Promise<CancelOutcome[] | null> {
  if (!isId(taskId)) return Promise.resolve(null);
  // When the answer to COMMIT is lost, the repetition finds as finished what it has itself withdrawn.
  const withdrawn = new Set<string>();
  return db.write(async (connection) => {
    const { now, forUpdate } = db.dialect;
    const tasks = await connection.query(`SELECT id FROM tasks WHERE id = ?${forUpdate}`, [taskId]);
    if (tasks.length === 0) return null;
    const all = await connection.query<Row>(
      `SELECT task_id, endpoint, job, performer, status, cancel_at FROM task_responses WHERE task_id = ?
       ORDER BY endpoint, job${forUpdate}`,
      [taskId],
    );
    const rows = endpoints ? all.filter((row) => isAt(row, endpoints)) : all;
    const keyOf = ({ endpoint, job }: Row) => ({ taskId, endpoint, job });
    const open = rows.filter((row) => !isFinal(row.status));
    const waiting = open.filter((row) => row.status !== "running");
    const running = open.filter((row) => row.status === "running" && row.cancel_at === null);
    if (open.length > 0) {
      await connection.run(
        `UPDATE tasks SET ${endpoints ? "" : `cancel_at = COALESCE(cancel_at, ${now}), `}version = version + 1 WHERE id = ?`,
        [taskId],
      );
    }
    for (const part of chunks(waiting.map(keyOf), MAX_LIST)) {
      const sql = new Sql(
        `UPDATE task_responses SET status = 'cancelled', reason = 'cancelled', cancel_at = COALESCE(cancel_at, ${now}),
           finished_at = ${now}, retry_at = NULL, due_at = NULL, changed_at = ${now}, version = version + 1 WHERE `,
      ).append(matchKeys(db.dialect, part));
      await connection.run(sql.text, sql.values);
    }
    for (const part of chunks(running.map(keyOf), MAX_LIST)) {
      const sql = new Sql(
        `UPDATE task_responses SET cancel_at = ${now}, changed_at = ${now}, version = version + 1 WHERE `,
      ).append(matchKeys(db.dialect, part));
      await connection.run(sql.text, sql.values);
    }
    return rows.map((row): CancelOutcome => {
      const base = { ...keyOf(row), performer: row.performer };
      const name = `${row.endpoint} ${row.job}`;
      if (isFinal(row.status) && !withdrawn.has(name)) return { ...base, outcome: "finished", status: row.status };
      if (row.status === "running") return { ...base, outcome: "stopping", status: "running" };
      withdrawn.add(name);
      return { ...base, outcome: "withdrawn", status: "cancelled" };
    });
  });
}

/** A `deliver: one` row is at the endpoint that took it. */
function isAt({ endpoint, performer }: Row, endpoints: readonly string[]): boolean {
  return endpoints.includes(endpoint === ANY_ENDPOINT && performer !== null ? performer : endpoint);
}
