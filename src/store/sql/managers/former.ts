import type { ManagerRegistration } from "../../store";
import type { Connection } from "../connection";
import { chunks, inKeyOrder, MAX_LIST, matchKeys, Sql } from "../sql";

interface Row {
  task_id: string;
  endpoint: string;
  job: string;
  status: "running" | "retrying";
}

const LOST = `(SELECT COUNT(*) FROM task_attempts a WHERE a.task_id = task_responses.task_id
  AND a.endpoint = task_responses.endpoint AND a.job = task_responses.job AND a.outcome = 'lost')`;

/**
 * A process that lives goes on under a new incarnation. What it runs under a lease that nobody has
 * ended yet is its own. What was taken from it because it was silent (the lease is gone, and nobody
 * has claimed it since) is not charged; unless as many attempts have been lost as the response may
 * take, because the task may be what cuts the manager off.
 */
export async function goOn(
  connection: Connection,
  former: NonNullable<ManagerRegistration["former"]>,
  { id, endpoint }: ManagerRegistration,
): Promise<void> {
  const { by, byKey } = connection.dialect;
  const [before] = await connection.query<{ state: string }>("SELECT state FROM managers WHERE id = ?", [former.id]);
  const rows = await connection.query<Row>(
    `SELECT task_id, endpoint, job, status FROM task_responses${by("task_responses_agenda")}
     WHERE finished_at IS NULL AND due_at IS NOT NULL AND endpoint IN (?, '*') AND manager_id = ?
       AND status IN ('running', 'retrying')`,
    [endpoint, former.id],
  );
  const change = async (status: Row["status"], set: string, where: string) => {
    const keys = rows
      .filter((row) => row.status === status)
      .map((row) => ({ taskId: row.task_id, endpoint: row.endpoint, job: row.job }));
    for (const part of chunks(keys.sort(inKeyOrder), MAX_LIST)) {
      const sql = new Sql(`UPDATE task_responses${byKey} SET ${set}manager_id = ?, version = version + 1 WHERE `, [id]);
      sql.append(matchKeys(connection.dialect, part));
      sql.add(` AND manager_id = ? AND status = '${status}'${where}`, former.id);
      await connection.run(sql.text, sql.values);
    }
  };
  await change("running", "", "");
  if (!former.cutOff || before?.state !== "dead") return;
  await change("retrying", "attempt = attempt - 1, ", ` AND lease_id IS NULL AND attempt > 0 AND ${LOST} <= attempts`);
}
