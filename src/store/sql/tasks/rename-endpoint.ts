import type { RenameOutcome } from "../../store";
import { LIVING, OPEN, openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { chunks, compare } from "../sql";
import { addLeaving, registrationsAt } from "./endpoints";
import { managersWhere } from "./managers";

/** A rename moves all open tasks of the endpoint, which takes longer than other calls. */
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
 * Gives the endpoint another name, and moves the responses of its open tasks. Tasks that it has
 * finished keep the old name. That name stays reserved, so that a manager with an old config cannot
 * take it.
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
    // After a lost COMMIT answer the repetition finds its own result.
    if (old?.renamed_to === to && other?.removed_at === null) return { kind: "renamed", moved: 0 };
    if (!old || old.removed_at !== null) return { kind: "unknown" };
    if (other && (other.removed_at === null || (other.renamed_to !== null && other.renamed_to !== from)))
      return { kind: "taken", by: other.renamed_to };
    const busy = await busyWith(connection, from);
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

/** Null: no manager lives there, and nothing runs. */
async function busyWith(connection: Connection, name: string): Promise<string | null> {
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
    `SELECT DISTINCT task_id FROM task_responses${connection.dialect.by("task_responses_agenda")}
     WHERE ${openRows()} AND status IN (${OPEN}) AND endpoint = ?`,
    [name],
  );
  return rows.map((row) => row.task_id).sort(compare);
}

/** One of these tasks that expects the new name already. */
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
  const types = (await registrationsAt(connection, old.name)).map(({ type }) => type);
  if (known) {
    await connection.run(
      `UPDATE endpoints SET labels = ?, first_seen_at = ?, removed_at = NULL, renamed_to = NULL, leaving = NULL
       WHERE name = ?`,
      [old.labels, old.first_seen_at, to],
    );
  } else {
    const columns = ["name", "labels", "first_seen_at"];
    await connection.insert("endpoints", columns, [[to, old.labels, old.first_seen_at]]);
  }
  // As by a manager: the config may still list the old name.
  const rows = types.map((type) => [type, to]);
  await connection.insert("endpoint_types", ["type", "endpoint"], rows, "keep");
  await connection.run("DELETE FROM endpoint_types WHERE endpoint = ?", [old.name]);
  await connection.run(
    `UPDATE managers SET state = CASE WHEN ${LIVING} THEN 'retired' ELSE state END, endpoint = ? WHERE endpoint = ?`,
    [to, old.name],
  );
  await connection.run(`UPDATE endpoints SET removed_at = ${now}, renamed_to = ?, leaving = ? WHERE name = ?`, [
    to,
    addLeaving(old.leaving, types),
    old.name,
  ]);
}

/** Resolves to the number of responses open under the new name. */
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
    `UPDATE task_responses${byKey} SET endpoint = ?, performer = ?, changed_at = ${now}, version = version + 1,
       due_at = CASE WHEN ${openRows()} AND (delay_until IS NULL OR delay_until <= ${now}) THEN ${now} ELSE due_at END,
       published = 0
     WHERE ${where}`,
    [to, to, ...values],
  );
  const ids = connection.dialect.isIn("id", tasks);
  await connection.run(`UPDATE tasks SET version = version + 1 WHERE ${ids.text}`, ids.values);
  return Number(open!.number_of);
}
