import { groupBy } from "../../group-by";
import type { ResponseKey } from "../../model/response";
import type { Dialect, Value } from "./connection";

/** SQL text with its values. */
export interface Piece {
  readonly text: string;
  readonly values: readonly Value[];
}

/** A statement that is put together from pieces. */
export class Sql implements Piece {
  text: string;
  readonly values: Value[];

  constructor(text = "", values: readonly Value[] = []) {
    this.text = text;
    this.values = [...values];
  }

  add(text: string, ...values: Value[]): this {
    this.text += text;
    for (const value of values) this.values.push(value);
    return this;
  }

  append(piece: Piece): this {
    return this.add(piece.text, ...piece.values);
  }
}

/**
 * The longest list for IN: MariaDB turns longer ones into a subquery, and only estimates its plan.
 */
export const MAX_LIST = 500;

export function chunks<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let i = 0; i < list.length; i += size) parts.push(list.slice(i, i + size));
  return parts;
}

export function keyText(key: ResponseKey): string {
  return `${key.taskId} ${key.endpoint} ${key.job}`;
}

export function inKeyOrder(a: ResponseKey, b: ResponseKey): number {
  return compare(a.taskId, b.taskId) || compare(a.endpoint, b.endpoint) || compare(a.job, b.job);
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * `(…)` that matches exactly these responses as ranges of the primary key: many tasks at one
 * endpoint, or one task at many endpoints, whichever takes fewer ranges. Takes at most MAX_LIST
 * keys.
 */
export function matchKeys(dialect: Dialect, keys: readonly ResponseKey[], prefix = ""): Sql {
  const byEndpoint = groupBy(keys, (key) => `${key.endpoint} ${key.job}`);
  const byTask = groupBy(keys, (key) => `${key.taskId} ${key.job}`);
  const oneEndpoint = byEndpoint.size <= byTask.size;
  const sql = new Sql("(");
  for (const group of (oneEndpoint ? byEndpoint : byTask).values()) {
    const { taskId, endpoint, job } = group[0]!;
    sql.add(sql.text === "(" ? "(" : " OR (");
    if (oneEndpoint) {
      sql.append(dialect.isIn(`${prefix}task_id`, unique(group.map((key) => key.taskId))));
      sql.add(` AND ${prefix}endpoint = ?`, endpoint);
    } else {
      sql.add(`${prefix}task_id = ? AND `, taskId);
      sql.append(dialect.isIn(`${prefix}endpoint`, unique(group.map((key) => key.endpoint))));
    }
    sql.add(` AND ${prefix}job = ?)`, job);
  }
  return sql.add(")");
}

/** Sorted, because writers lock rows in this order. */
export function unique(list: readonly string[]): string[] {
  return list.length === 1 ? [list[0]!] : [...new Set(list)].sort();
}

/** The value of each task: one `?` if all are equal, else CASE. */
export function pick<T extends { taskId: string }>(
  rows: readonly T[],
  valueIn: (row: T) => Value,
  column = "task_id",
): Sql {
  const first = valueIn(rows[0]!);
  let equal = true;
  for (let i = 1; i < rows.length && equal; i++) equal = valueIn(rows[i]!) === first;
  if (equal) return new Sql("?", [first]);
  const sql = new Sql(`CASE ${column}`);
  for (const row of rows) sql.add(" WHEN ? THEN ?", row.taskId, valueIn(row));
  return sql.add(" END");
}

/**
 * As `pick`, for values that many rows share: a list is searched in a few steps, where a CASE
 * compares each row with all those before it.
 */
export function pickShared<T extends { taskId: string }>(
  dialect: Dialect,
  rows: readonly T[],
  valueIn: (row: T) => string | number,
  column = "task_id",
): Sql {
  const byValue = groupBy(rows, valueIn);
  if (byValue.size === 1 || byValue.size * 2 > rows.length) return pick(rows, valueIn, column);
  const groups = [...byValue].sort(([, a], [, b]) => b.length - a.length);
  // The statement's own condition names the rows, so the most frequent value needs no list.
  const [usual] = groups.shift()!;
  const sql = new Sql("CASE");
  for (const [value, group] of groups) {
    const ids = group.map(({ taskId }) => taskId);
    sql.add(" WHEN ").append(dialect.isIn(column, ids)).add(" THEN ?", value);
  }
  return sql.add(" ELSE ? END", usual);
}
