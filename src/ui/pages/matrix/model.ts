import { batch, type Signal, signal } from "@preact/signals";
import type { ResponseBrief, ResponseChange, TaskSummary } from "../../../client/types";
import { Spread } from "../../api/frames";
import { CELL_STATES, type CellState, cellState, PROBLEM_STATES } from "../../parts/status";

/** The column of `deliver: one` tasks that no endpoint has taken yet. */
export const ANYONE = "*";

export interface Cell {
  state: CellState;
  status: ResponseBrief["status"];
  reason: string | null;
  attempt: number;
  attempts: number;
  progress: number;
  startedAt: string | null;
  finishedAt: string | null;
  receivedAt: string | null;
  version: number;
}

export interface Row {
  readonly id: string;
  task: TaskSummary;
  cells: Map<string, Cell>;
  counts: Int32Array;
  /** Grows with each change; the views of the row depend on it. */
  changed: Signal<number>;
}

const INDEX = new Map(CELL_STATES.map((state, i) => [state, i]));
const PROBLEMS = PROBLEM_STATES.map((state) => INDEX.get(state)!);
const indexOf = (state: CellState) => INDEX.get(state)!;

export const countOf = (counts: Int32Array, state: CellState) => counts[indexOf(state)] ?? 0;
export const problemsOf = (counts: Int32Array) => PROBLEMS.reduce((sum, i) => sum + (counts[i] ?? 0), 0);
/** As in parts/bar.tsx: succeeded or failed. */
export const answeredOf = (counts: Int32Array) =>
  countOf(counts, "succeeded") + countOf(counts, "failed") + countOf(counts, "timeout");
export const totalOf = (counts: Int32Array) => counts.reduce((sum, n) => sum + n, 0);

/**
 * Tasks × endpoints. Counts are updated, not recomputed: the cost of a change does not depend on
 * the number of rows. A row's task comes from the list; between two reads of the list its cells
 * follow the events.
 */
export class MatrixModel {
  readonly rows = signal<readonly Row[]>([]);
  readonly columns = signal<readonly string[]>([]);
  /** Grows when any count has changed. */
  readonly counted = signal(0);
  readonly total = new Int32Array(CELL_STATES.length);
  readonly byColumn = new Map<string, Int32Array>();
  private readonly byId = new Map<string, Row>();
  /** Counts change at once; their views follow frame by frame. null: the counts themselves. */
  private readonly changed = new Spread<Row | null>((some) => {
    batch(() => {
      for (const row of some) (row?.changed ?? this.counted).value++;
    });
  });

  /** Takes over the tasks of the list. An unchanged task object costs nothing. */
  show(tasks: readonly TaskSummary[]): void {
    batch(() => {
      const seen = new Set<string>();
      let moved = tasks.length !== this.byId.size;
      const rows = tasks.map((task, i) => {
        seen.add(task.id);
        const old = this.byId.get(task.id);
        if (old !== this.rows.peek()[i]) moved = true;
        if (!old) {
          moved = true;
          const row: Row = {
            id: task.id,
            task,
            cells: new Map(),
            counts: new Int32Array(CELL_STATES.length),
            changed: signal(0),
          };
          this.byId.set(task.id, row);
          this.fill(row, task);
          return row;
        }
        if (old.task !== task) this.fill(old, task);
        return old;
      });
      for (const [id, row] of this.byId) {
        if (seen.has(id)) continue;
        this.byId.delete(id);
        for (const [column, cell] of row.cells) this.count(null, column, cell.state, -1);
      }
      if (moved) this.rows.value = rows;
      this.nameColumns();
      this.changed.add(null);
    });
  }

  onChanges(changes: readonly ResponseChange[]): void {
    batch(() => {
      for (const change of changes) {
        const row = this.byId.get(change.task_id);
        if (!row || change.job !== null) continue;
        const column = change.endpoint ?? ANYONE;
        const old = row.cells.get(column) ?? (column === ANYONE ? undefined : row.cells.get(ANYONE));
        if (!old || old.version >= change.version) continue;
        if (row.cells.get(column) === undefined) this.set(row, ANYONE, null);
        const cell: Cell = {
          ...old,
          state: cellState(change.status, change.reason, row.task.status),
          status: change.status,
          reason: change.reason,
          attempt: change.attempt,
          attempts: change.attempts,
          progress: change.progress,
          version: change.version,
        };
        if (change.status === "running" && old.status !== "running") cell.startedAt = change.changed_at;
        if (/^(succeeded|failed|cancelled|missed)$/.test(change.status)) cell.finishedAt = change.changed_at;
        this.set(row, column, cell);
        this.changed.add(row);
        if (cell.state !== old.state) this.changed.add(null);
      }
    });
  }

  private fill(row: Row, task: TaskSummary): void {
    row.task = task;
    const fresh = cellsOf(task);
    for (const column of [...row.cells.keys()]) if (!fresh.has(column)) this.set(row, column, null);
    for (const [column, cell] of fresh) {
      const old = row.cells.get(column);
      // An event may have been faster than the read that the list made.
      const newer =
        old && old.version > cell.version ? { ...old, state: cellState(old.status, old.reason, task.status) } : cell;
      this.set(row, column, newer);
    }
    this.changed.add(row);
  }

  private set(row: Row, column: string, cell: Cell | null): void {
    const old = row.cells.get(column);
    if (old) this.count(row, column, old.state, -1);
    if (cell) {
      row.cells.set(column, cell);
      this.count(row, column, cell.state, 1);
    } else row.cells.delete(column);
  }

  private count(row: Row | null, column: string, state: CellState, by: number): void {
    const i = indexOf(state);
    let counts = this.byColumn.get(column);
    if (!counts) {
      counts = new Int32Array(CELL_STATES.length);
      this.byColumn.set(column, counts);
    }
    counts[i] = counts[i]! + by;
    this.total[i] = this.total[i]! + by;
    if (row) row.counts[i] = row.counts[i]! + by;
  }

  private nameColumns(): void {
    const names = [...this.byColumn].filter(([, counts]) => totalOf(counts) > 0).map(([name]) => name);
    names.sort((a, b) => (a === ANYONE ? 1 : b === ANYONE ? -1 : a.localeCompare(b, "en", { numeric: true })));
    const old = this.columns.peek();
    if (names.length !== old.length || names.some((name, i) => name !== old[i])) this.columns.value = names;
  }
}

/** One cell for each endpoint; several jobs share a cell, which shows the worst status. */
export function cellsOf(task: TaskSummary): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  for (const response of task.responses ?? []) {
    const column = response.endpoint ?? ANYONE;
    const cell: Cell = {
      state: cellState(response.status, response.reason, task.status),
      status: response.status,
      reason: response.reason,
      attempt: response.attempt,
      attempts: response.attempts,
      progress: response.progress,
      startedAt: response.started_at,
      finishedAt: response.finished_at,
      receivedAt: response.received_at,
      version: response.version,
    };
    const other = cells.get(column);
    if (!other || rank(cell.state) < rank(other.state)) cells.set(column, cell);
  }
  return cells;
}

const WORST_FIRST: readonly CellState[] = [
  "running",
  "retrying",
  "received",
  "missing",
  "expected",
  "timeout",
  "failed",
  "missed",
  "cancelled",
  "succeeded",
];
const rank = (state: CellState) => WORST_FIRST.indexOf(state);

export function labelOf(row: Row, column: string): string {
  const cell = row.cells.get(column);
  const where = `task ${row.task.identifier.slice(0, 80)} endpoint ${column === ANYONE ? "any one" : column}`;
  if (!cell) return `${where}: not expected`;
  const word = cell.state === "timeout" ? "timed out" : cell.state === "missing" ? "missing, not received" : cell.state;
  const percent = cell.state === "running" && cell.progress > 0 ? `, ${Math.round(cell.progress * 100)} percent` : "";
  return `${where}: ${word}${percent}${cell.attempt > 1 ? `, attempt ${cell.attempt}` : ""}`;
}
