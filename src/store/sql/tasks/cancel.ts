import { isId } from "../../../model/ids";
import { isFinal, type ResponseRecord } from "../../../model/response";
import type { CancelOutcome } from "../../store";
import { endsNow } from "../conditions";
import type { Database } from "../connection";
import { Sql } from "../sql";
import { isAt, RESPONSES } from "../tables/responses";
import { updateResponses } from "../update-responses";

const COLUMNS = RESPONSES.select("", { only: ["taskId", "endpoint", "job", "performer", "status", "cancelAt"] });
type Row = Pick<ResponseRecord, "taskId" | "endpoint" | "job" | "performer" | "status" | "cancelAt">;

/**
 * Cancels what waits, and marks what runs: its manager asks about its leases. With `endpoints` the
 * task itself is not marked as cancelled.
 */
export function cancelTask(
  db: Database,
  taskId: string,
  endpoints?: readonly string[],
): Promise<CancelOutcome[] | null> {
  if (!isId(taskId)) return Promise.resolve(null);
  const { now, forUpdate } = db.dialect;
  // After a lost COMMIT answer the repetition finds final what the first run has withdrawn.
  const withdrawn = new Set<string>();
  return db.write(async (connection) => {
    const tasks = await connection.query(`SELECT id FROM tasks WHERE id = ?${forUpdate}`, [taskId]);
    if (tasks.length === 0) return null;
    const all = await connection.query<Row>(
      `SELECT ${COLUMNS} FROM task_responses WHERE task_id = ? ORDER BY endpoint, job${forUpdate}`,
      [taskId],
    );
    const rows = endpoints ? all.filter((row) => isAt(row, endpoints)) : all;
    const open = rows.filter((row) => !isFinal(row.status));
    if (open.length > 0) {
      const mark = endpoints ? "" : `cancel_at = COALESCE(cancel_at, ${now}), `;
      await connection.run(`UPDATE tasks SET ${mark}version = version + 1 WHERE id = ?`, [taskId]);
    }
    await updateResponses(
      connection,
      open.filter(({ status }) => status !== "running"),
      new Sql(`status = 'cancelled', reason = 'cancelled', cancel_at = COALESCE(cancel_at, ${now}), ${endsNow(now)}`),
    );
    await updateResponses(
      connection,
      open.filter(({ status, cancelAt }) => status === "running" && cancelAt === null),
      new Sql(`cancel_at = ${now}, changed_at = ${now}, version = version + 1`),
    );
    return rows.map(({ endpoint, job, performer, status }): CancelOutcome => {
      const response = { taskId, endpoint, job, performer };
      const name = `${endpoint} ${job}`;
      if (isFinal(status) && !withdrawn.has(name)) return { ...response, outcome: "finished", status };
      if (status === "running") return { ...response, outcome: "stopping", status };
      withdrawn.add(name);
      return { ...response, outcome: "withdrawn", status: "cancelled" };
    });
  });
}
