import { escape as quoted } from "mysql2";
import type { TaskDraft } from "../../../model/task";
import { RESPONSES } from "../tables/responses";
import { type Cell, type Moment, type NewRows, Raw } from "../tables/table";
import { TASKS } from "../tables/tasks";
import { clampMs } from "../times";
import { expectedOf } from "./expected";

/**
 * Pays: bench single, 477 → 682 µs of CPU a task without it (1.43 ×).
 *
 * The transaction that stores new tasks with their expected responses, as one text for one round
 * trip. A statement that fails ends the script with the transaction open, so nothing of it stands.
 * The driver escapes every value. The rows are those of the stepwise way (create.ts); the server
 * fills in the columns in which all of them begin as the table does.
 */

/** A transaction of more responses goes statement by statement. */
const MAX_RESPONSES = 2000;

/** Only a SELECT answers with rows: the last one, and the names of the endpoints before it. */
const BEGIN = "START TRANSACTION; SET @now = UTC_TIMESTAMP(3)";
const END = "COMMIT; SELECT @now AS now_at";

/** @returns null for what needs more steps: delays, run keys, very many responses */
export function createScript(tasks: readonly TaskDraft[]): string | null {
  const at = new ScriptMoment();
  const named = tasks.filter(({ endpoints }) => endpoints !== null);
  const count = named.reduce((sum, { endpoints, jobs }) => sum + endpoints!.length * jobs.length, 0);
  if (count > MAX_RESPONSES || tasks.some((task) => task.delayUntil !== null || task.runKey !== null)) return null;
  const taskRows = TASKS.firstRows(
    tasks.map((made) => ({ made, at })),
    true,
  );
  let text = insert("tasks", taskRows);
  for (const group of groupByType(tasks)) text += broadcast(group, at);
  if (count > 0) {
    const made = named.flatMap((task) => expectedOf(task).map((made) => ({ made, at })));
    text += insert("task_responses", RESPONSES.firstRows(made, true));
  }
  return `${BEGIN}${at.variables}; ${text}${namesReached(tasks)}${END}`;
}

function insert(table: string, rows: NewRows): string {
  return `INSERT INTO ${table} (${rows.columns.join(", ")}) VALUES ${rowTexts(rows).map((row) => `(${row})`)}; `;
}

function rowTexts({ cells, count }: NewRows): string[] {
  return Array.from({ length: count }, (_, row) => cells.map((column) => text(column[row]!)).join(","));
}

function text(cell: Cell): string {
  return cell instanceof Raw ? cell.text : quoted(cell);
}

/** The tasks that name no endpoint. */
function groupByType(tasks: readonly TaskDraft[]): TaskDraft[][] {
  const groups = new Map<string, TaskDraft[]>();
  for (const task of tasks) {
    if (task.endpoints !== null) continue;
    const group = groups.get(task.type);
    if (group) group.push(task);
    else groups.set(task.type, [task]);
  }
  return [...groups.values()];
}

/**
 * The responses of tasks of one type that name no endpoint: one of each endpoint registered for it.
 * The database fills in the names, so nobody asks for them first, and all tasks of a script reach
 * the same endpoints. Where nobody is registered NULL are expected, which the column refuses.
 */
function broadcast(tasks: readonly TaskDraft[], at: Moment): string {
  const made = tasks.flatMap((task) => task.jobs.map((job) => ({ made: { task, endpoint: NAME, job }, at })));
  const rows = RESPONSES.firstRows(made, true);
  const from = ` FROM endpoint_types e WHERE e.type = ${quoted(tasks[0]!.type)}`;
  const selects = rowTexts(rows).map((row) => `SELECT ${row}${from}`);
  const ids = tasks.map(({ id }) => quoted(id)).join(",");
  return (
    `INSERT INTO task_responses (${rows.columns.join(", ")}) ${selects.join(" UNION ALL ")}; ` +
    `SET @registered = NULLIF(ROW_COUNT() DIV ${rows.count}, 0); ` +
    `UPDATE tasks SET expected = expected * @registered WHERE id IN (${ids}); `
  );
}

const NAME = new Raw("e.endpoint");

/** Answers with the endpoints that each type's tasks have reached. */
function namesReached(tasks: readonly TaskDraft[]): string {
  const samples = groupByType(tasks).map(([first]) => {
    const { id, jobs } = first!;
    return `(task_id = ${quoted(id)} AND job = ${quoted(jobs[0])})`;
  });
  return samples.length === 0 ? "" : `SELECT type, endpoint FROM task_responses WHERE ${samples.join(" OR ")}; `;
}

export type ScriptRow = { now_at: string } | { type: string; endpoint: string };

/** The moment of the transaction, and the endpoints of the types whose tasks named none. */
export function scriptAnswer(sets: readonly ScriptRow[][]): { now: string; registered: Map<string, string[]> } {
  const registered = new Map<string, string[]>();
  const names = sets.at(-3)!;
  if (Array.isArray(names)) {
    for (const { type, endpoint } of names as Array<{ type: string; endpoint: string }>) {
      const known = registered.get(type);
      if (known) known.push(endpoint);
      else registered.set(type, [endpoint]);
    }
  }
  return { now: (sets.at(-1)![0] as { now_at: string }).now_at, registered };
}

/**
 * `@now` is the moment of the transaction by the database's clock. A time that lies so long after it
 * is computed once and not for each row: tasks of a type share their waits. Within one SET the
 * server's clock stands still.
 */
class ScriptMoment implements Moment {
  readonly now = new Raw("@now");
  readonly delay = null;
  private readonly names = new Map<number, Raw>();
  /** What follows in the SET. */
  variables = "";

  after(ms: number): Raw {
    const known = this.names.get(ms);
    if (known !== undefined) return known;
    const name = new Raw(`@in${this.names.size}`);
    this.names.set(ms, name);
    this.variables += `, ${name.text} = UTC_TIMESTAMP(3) + INTERVAL ${clampMs(ms) * 1000} MICROSECOND`;
    return name;
  }
}
