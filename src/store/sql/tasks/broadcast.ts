import { escape as quoted } from "mysql2";
import type { TaskDraft } from "../../../model/task";
import { clampMs } from "../times";

/** The tasks of one type that name no endpoint. All in SQL. */
interface Broadcast {
  /** Of the tasks. */
  ids: string[];
  /** Tells the responses that stand for all: of one task and job. */
  sample: string;
  /** For each task and job: id, job, attempts, timeout. */
  rows: Array<[string, string, number, number]>;
}

/**
 * Within the script that stores new tasks (create-script.ts), those that go to all who are registered for their type: the database
 * knows them, and fills in their names. So they need not be asked for first, and all tasks of a script reach the same ones.
 */
export class Broadcasts {
  private readonly byType = new Map<string, Broadcast>();

  /** How many responses it expects of each endpoint: of how many endpoints is known when they are in. In SQL. */
  add(task: TaskDraft): string {
    const id = quoted(task.id);
    const type = quoted(task.type);
    const sample = `task_id = ${id} AND job = ${quoted(task.jobs[0])}`;
    const broadcast = this.byType.get(type) ?? { ids: [], sample, rows: [] };
    this.byType.set(type, broadcast);
    broadcast.ids.push(id);
    for (const job of task.jobs) {
      broadcast.rows.push([id, quoted(job), Number(task.attempts), clampMs(task.timeoutMs)]);
    }
    return String(task.jobs.length);
  }

  /**
   * Comes behind the tasks: one that cannot be stored, since it is a repetition, has cost no row of a response by then. Where nobody
   * is registered NULL are expected, which the column refuses: that wants a closer look.
   */
  insertSql(due: string): string {
    let text = "";
    for (const [type, { ids, rows }] of this.byType) {
      text +=
        "INSERT INTO task_responses (task_id, endpoint, performer, job, type, attempts, timeout_ms, due_at, changed_at) " +
        `SELECT fresh.task_id, e.endpoint, e.endpoint, fresh.job, e.type, fresh.attempts, fresh.timeout_ms, ${due}, @now ` +
        `FROM (${table(rows)}) fresh, endpoint_types e WHERE e.type = ${type}; ` +
        `SET @registered = NULLIF(ROW_COUNT() DIV ${rows.length}, 0); ` +
        `UPDATE tasks SET expected = expected * @registered WHERE id IN (${ids.join(",")}); `;
    }
    return text;
  }

  /** Answers with the type and name of each endpoint that they have reached. */
  namesSql(): string {
    if (this.byType.size === 0) return "";
    const samples = [...this.byType.values()].map(({ sample }) => `(${sample})`);
    return `SELECT type, endpoint FROM task_responses WHERE ${samples.join(" OR ")}; `;
  }
}

function table(rows: Broadcast["rows"]): string {
  return rows
    .map(([id, job, attempts, timeout], i) =>
      i === 0
        ? `SELECT ${id} AS task_id, ${job} AS job, ${attempts} AS attempts, ${timeout} AS timeout_ms`
        : `SELECT ${id}, ${job}, ${attempts}, ${timeout}`,
    )
    .join(" UNION ALL ");
}
