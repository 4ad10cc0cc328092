import { escape as quoted } from "mysql2";
import type { TaskDraft } from "../../../model/task";
import { expectedOf, RESPONSES } from "../tables/responses";
import { type Cell, type Moment, type NewRows, Raw } from "../tables/table";
import { TASKS } from "../tables/tasks";
import { clampMs } from "../times";

/**
 * Pays: bench single, 552 µs of CPU a task with it, 822 without (loaded machine, 7 rounds in turn).
 *
 * The transaction that stores new tasks with their expected responses, as one text for one round
 * trip. A failed statement ends the script and leaves the transaction open, to be rolled back. The
 * driver escapes every value. The rows equal those of create.ts, but leave out columns that have
 * the default in all rows.
 */

/** The most responses in a script. */
const MAX_RESPONSES = 2000;

/** The last statement returns the time, and one before it the names of endpoints. */
const BEGIN = "START TRANSACTION; SET @now = UTC_TIMESTAMP(3)";
const END = "COMMIT; SELECT @now AS now_at";

/** @returns null for tasks that need more steps: with a delay, a run key or very many responses */
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
 * Stores one response for each endpoint registered for the type. The database inserts the names:
 * this needs no read before, and all tasks of the script get the same endpoints. If none is
 * registered, `expected` becomes NULL, which the column refuses.
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

/** Selects the endpoints that each type's tasks were stored for. */
function namesReached(tasks: readonly TaskDraft[]): string {
  const samples = groupByType(tasks).map(([first]) => {
    const { id, jobs } = first!;
    return `(task_id = ${quoted(id)} AND job = ${quoted(jobs[0])})`;
  });
  return samples.length === 0 ? "" : `SELECT type, endpoint FROM task_responses WHERE ${samples.join(" OR ")}; `;
}

export type ScriptRow = { now_at: string } | { type: string; endpoint: string };

/** The time of the transaction, and the endpoints of types whose tasks name none. */
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
 * `@now` is the time of the transaction by the database's clock. Each `@in…` is a time so many ms
 * later, computed once for all rows: tasks of a type share their waits. All variables are assigned
 * in one SET, within which the server's clock does not move.
 */
class ScriptMoment implements Moment {
  readonly now = new Raw("@now");
  readonly delay = null;
  private readonly names = new Map<number, Raw>();
  /** Further assignments of the SET. */
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
