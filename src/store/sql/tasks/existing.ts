import type { NewTask, TaskDraft, TaskRecord } from "../../../model/task";
import type { CreateOutcome } from "../../store";
import type { Connection } from "../connection";
import { chunks } from "../sql";
import { TASKS } from "../tables/tasks";

/** A task to be stored, and its index among the outcomes. */
export interface DraftEntry {
  index: number;
  task: TaskDraft;
}

export interface Entry extends DraftEntry {
  task: NewTask;
}

/** Sets the outcomes of tasks that collide with a stored one; returns the others. */
export async function withoutExisting(
  connection: Connection,
  entries: readonly Entry[],
  outcomes: CreateOutcome[],
): Promise<Entry[]> {
  const open: Entry[] = [];
  for (const part of chunks(entries, 100)) {
    const byName = new Map<string, TaskRecord>();
    const ids = new Set<string>();
    const pairs = part.map(() => "(type = ? AND identifier = ?) OR id = ?").join(" OR ");
    const rows = await connection.query<TaskRecord>(
      `SELECT ${TASKS.all} FROM tasks WHERE ${pairs}`,
      part.flatMap(({ task }) => [task.type, task.identifier, task.id]),
    );
    for (const task of rows.map(TASKS.record)) {
      byName.set(`${task.type} ${task.identifier}`, task);
      ids.add(task.id);
    }
    const runKeys = part.flatMap(({ task }) => task.runKey ?? []);
    const holders = await holdersOf(connection, runKeys);
    for (const entry of part) {
      const { id, type, identifier, runKey } = entry.task;
      const task = byName.get(`${type} ${identifier}`);
      const holder = runKey === null ? undefined : holders.get(runKey);
      if (task?.id === id)
        outcomes[entry.index] = { kind: "created", task, endpoints: await endpointsOfTask(connection, id) };
      else if (task) outcomes[entry.index] = { kind: "existing", task };
      else if (holder !== undefined) outcomes[entry.index] = { kind: "busy", taskId: holder };
      else if (ids.has(id))
        outcomes[entry.index] = { kind: "refused", error: new Error(`Another task has the id ${id}.`) };
      else open.push(entry);
    }
  }
  return open;
}

/** Another call has stored the same task, possibly for other endpoints. */
async function endpointsOfTask(connection: Connection, id: string): Promise<string[]> {
  const rows = await connection.query<{ endpoint: string }>(
    "SELECT DISTINCT endpoint FROM task_responses WHERE task_id = ?",
    [id],
  );
  return rows.map(({ endpoint }) => endpoint);
}

async function holdersOf(connection: Connection, runKeys: readonly string[]): Promise<Map<string, string>> {
  if (runKeys.length === 0) return new Map();
  const list = connection.dialect.isIn("open_run_key", runKeys);
  const rows = await connection.query<{ id: string; open_run_key: string }>(
    `SELECT id, open_run_key FROM tasks WHERE ${list.text}`,
    list.values,
  );
  return new Map(rows.map((row) => [row.open_run_key, row.id]));
}
