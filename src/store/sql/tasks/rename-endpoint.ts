import type { RenameOutcome } from "../../store";
import { LIVING, OPEN, openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { chunks, compare } from "../sql";
import { leavingOf } from "./endpoints";
import { managersWhere } from "./managers";

/** Moving all that an endpoint owes takes longer than a usual call. */
const DEADLINE_MS = 60_000;

interface EndpointRow {
  name: string;
  labels: string;
  first_seen_at: string;
  removed_at: string | null;
  renamed_to: string | null;
  leaving: string | null;
}

/**
 * The endpoint goes on under another name, with what it owes: every response of a task that is open there. Tasks that it has
 * answered keep the name under which it has. The old name stays reserved, for a manager that has not heard of it. All or nothing.
 */
export function renameEndpoint(db: Database, from: string, to: string): Promise<RenameOutcome> {
  return db.write(async (connection) => {
    const rows = await connection.query<EndpointRow>(
      `SELECT name, labels, first_seen_at, removed_at, renamed_to, leaving FROM endpoints WHERE name IN (?, ?)
       ORDER BY name${connection.dialect.forUpdate}`,
      [from, to].sort(compare),
    );
    const old = rows.find(({ name }) => name === from);
    const other = rows.find(({ name }) => name === to);
    // When the answer to COMMIT is lost, the repetition finds what it has done itself.
    if (old?.renamed_to === to && other?.removed_at === null) return { kind: "renamed", moved: 0 };
    if (!old || old.removed_at !== null) return { kind: "unknown" };
    if (other && (other.removed_at === null || (other.renamed_to !== null && other.renamed_to !== from)))
      return { kind: "taken", by: other.renamed_to };
    const busy = await whoWorks(connection, from);
    if (busy !== null) return { kind: "busy", why: busy };
    const tasks = await openTasks(connection, from);
    const clash = await expectedBy(connection, to, tasks);
    if (clash !== null) return { kind: "expected", taskId: clash };
    await moveRegistration(connection, old, to, other !== undefined);
    let moved = 0;
    for (const part of chunks(tasks, 200)) moved += await moveTasks(connection, part, from, to);
    return { kind: "renamed", moved };
  }, DEADLINE_MS);
}

/** Null: no manager lives, and nothing runs under a lease. */
async function whoWorks(connection: Connection, name: string): Promise<string | null> {
  const managers = await managersWhere(connection, `endpoint = ? AND ${LIVING}`, [name]);
  const living = managers.find(({ silent }) => !silent);
  if (living) return `its manager on ${living.host} (pid ${living.pid}) is ${living.state}`;
  const [running] = await connection.query<{ task_id: string }>(
    `SELECT task_id FROM task_responses${connection.dialect.by("task_responses_agenda")}
     WHERE ${openRows()} AND status = 'running' AND endpoint IN (?, '*') AND performer = ? LIMIT 1`,
    [name, name],
  );
  return running ? `task ${running.task_id} is running there` : null;
}

async function openTasks(connection: Connection, name: string): Promise<string[]> {
  const rows = await connection.query<{ task_id: string }>(
    `SELECT DISTINCT task_id FROM task_responses${connection.dialect.by("task_responses_agenda")} WHERE ${openRows()} AND status IN (${OPEN}) AND endpoint = ?`,
    [name],
  );
  return rows.map((row) => row.task_id).sort(compare);
}

/** One of these tasks that expects the other name already. */
async function expectedBy(connection: Connection, name: string, tasks: readonly string[]): Promise<string | null> {
  for (const part of chunks(tasks, 500)) {
    const list = connection.dialect.isIn("task_id", part);
    const [row] = await connection.query<{ task_id: string }>(
      `SELECT task_id FROM task_responses${connection.dialect.byKey} WHERE ${list.text} AND endpoint = ? LIMIT 1`,
      [...list.values, name],
    );
    if (row) return row.task_id;
  }
  return null;
}

async function moveRegistration(connection: Connection, old: EndpointRow, to: string, known: boolean): Promise<void> {
  const { now } = connection.dialect;
  const types = await connection.query<{ type: string }>("SELECT type FROM endpoint_types WHERE endpoint = ?", [
    old.name,
  ]);
  if (known) {
    await connection.run(
      "UPDATE endpoints SET labels = ?, first_seen_at = ?, removed_at = NULL, renamed_to = NULL, leaving = NULL WHERE name = ?",
      [old.labels, old.first_seen_at, to],
    );
  } else {
    const columns = ["name", "labels", "first_seen_at"];
    await connection.insert("endpoints", columns, [[to, old.labels, old.first_seen_at]]);
  }
  // The config may list the old name: under the new one it stays registered by itself.
  const served = types.map(({ type }) => [type, to]);
  if (served.length > 0) await connection.insert("endpoint_types", ["type", "endpoint"], served, "keep");
  await connection.run("DELETE FROM endpoint_types WHERE endpoint = ?", [old.name]);
  await connection.run(
    `UPDATE managers SET state = CASE WHEN ${LIVING} THEN 'retired' ELSE state END, endpoint = ? WHERE endpoint = ?`,
    [to, old.name],
  );
  const leaving = [...new Set([...leavingOf(old.leaving), ...types.map(({ type }) => type)])].sort(compare);
  await connection.run(`UPDATE endpoints SET removed_at = ${now}, renamed_to = ?, leaving = ? WHERE name = ?`, [
    to,
    JSON.stringify(leaving),
    old.name,
  ]);
}

/** Resolves to how many responses are open under the new name. */
async function moveTasks(connection: Connection, tasks: readonly string[], from: string, to: string): Promise<number> {
  const { now, byKey } = connection.dialect;
  const list = connection.dialect.isIn("task_id", tasks);
  const values = [...list.values, from];
  const where = `${list.text} AND endpoint = ?`;
  for (const table of ["task_attempts", "response_logs"])
    await connection.run(`UPDATE ${table} SET endpoint = ? WHERE ${where}`, [to, ...values]);
  const [open] = await connection.query<{ number_of: number }>(
    `SELECT COUNT(*) AS number_of FROM task_responses${byKey} WHERE ${where} AND finished_at IS NULL`,
    values,
  );
  await connection.run(
    `UPDATE task_responses${byKey} SET endpoint = ?, performer = ?, changed_at = ${now}, version = version + 1, published = 0,
       due_at = CASE WHEN ${openRows()} AND (delay_until IS NULL OR delay_until <= ${now}) THEN ${now} ELSE due_at END
     WHERE ${where}`,
    [to, to, ...values],
  );
  const ids = connection.dialect.isIn("id", tasks);
  await connection.run(`UPDATE tasks SET version = version + 1 WHERE ${ids.text}`, ids.values);
  return Number(open!.number_of);
}
