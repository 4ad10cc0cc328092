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

/** The column that distinguishes rows, and its value for a row. */
export interface Apart<T> {
  column: string;
  of(row: T): string;
}

export const BY_TASK: Apart<ResponseKey> = { column: "task_id", of: ({ taskId }) => taskId };
export const BY_ENDPOINT: Apart<ResponseKey> = { column: "endpoint", of: ({ endpoint }) => endpoint };

/** The column that distinguishes the rows of one range. */
export function apartIn(rows: readonly ResponseKey[]): Apart<ResponseKey> {
  const { endpoint } = rows[0]!;
  return rows.every((row) => row.endpoint === endpoint) ? BY_TASK : BY_ENDPOINT;
}

/**
 * Rows in ranges of the primary key: many tasks at one endpoint, or one task at many endpoints,
 * whichever takes fewer ranges. The rows of a range are of one job.
 */
export function rangesOf<T extends ResponseKey>(rows: readonly T[]): T[][] {
  if (isRange(rows)) return [[...rows]];
  const byEndpoint = groupBy(rows, (row) => `${row.endpoint} ${row.job}`);
  const byTask = groupBy(rows, (row) => `${row.taskId} ${row.job}`);
  return [...(byEndpoint.size <= byTask.size ? byEndpoint : byTask).values()];
}

function isRange(rows: readonly ResponseKey[]): boolean {
  const { taskId, endpoint, job } = rows[0]!;
  return (
    rows.every((row) => row.endpoint === endpoint && row.job === job) ||
    rows.every((row) => row.taskId === taskId && row.job === job)
  );
}

/** Lists in which each response is named once, in the order given. Nearly always it is one list. */
export function eachOnce<T extends ResponseKey>(rows: readonly T[]): T[][] {
  if (rows.length === 1) return [[...rows]];
  const named = new Map<string, number>();
  const lists = groupBy(rows, (row) => {
    const key = keyText(row);
    const times = named.get(key) ?? 0;
    named.set(key, times + 1);
    return times;
  });
  return [...lists.values()];
}

/** Matches exactly the responses of one range. */
export function matchRange(dialect: Dialect, range: readonly ResponseKey[], prefix = ""): Sql {
  const { taskId, endpoint, job } = range[0]!;
  const sql = new Sql();
  if (apartIn(range) === BY_TASK) {
    sql.append(dialect.isIn(`${prefix}task_id`, unique(range.map((key) => key.taskId))));
    sql.add(` AND ${prefix}endpoint = ?`, endpoint);
  } else {
    sql.add(`${prefix}task_id = ? AND `, taskId);
    sql.append(dialect.isIn(`${prefix}endpoint`, unique(range.map((key) => key.endpoint))));
  }
  return sql.add(` AND ${prefix}job = ?`, job);
}

/** `(…)` that matches exactly these responses. Takes at most MAX_LIST keys. */
export function matchKeys(dialect: Dialect, keys: readonly ResponseKey[], prefix = ""): Sql {
  return anyOf(rangesOf(keys).map((range) => matchRange(dialect, range, prefix)));
}

/** `((…) OR (…))`. */
export function anyOf(conditions: readonly Piece[]): Sql {
  const sql = new Sql("(");
  conditions.forEach(
    (condition, i) =>
      void sql
        .add(i === 0 ? "(" : " OR (")
        .append(condition)
        .add(")"),
  );
  return sql.add(")");
}

/** Sorted, because writers lock rows in this order. */
export function unique(list: readonly string[]): string[] {
  return list.length === 1 ? [list[0]!] : [...new Set(list)].sort();
}

/** The value of each row: one `?` if all are equal, else CASE. */
export function pick<T>(rows: readonly T[], valueIn: (row: T) => Value, by: Apart<NoInfer<T>>): Sql {
  const first = valueIn(rows[0]!);
  let equal = true;
  for (let i = 1; i < rows.length && equal; i++) equal = valueIn(rows[i]!) === first;
  if (equal) return new Sql("?", [first]);
  const sql = new Sql(`CASE ${by.column}`);
  for (const row of rows) sql.add(" WHEN ? THEN ?", by.of(row), valueIn(row));
  return sql.add(" END");
}

/**
 * As `pick`, for values that many rows share: a list is searched in a few steps, where a CASE
 * compares each row with all those before it.
 */
export function pickShared<T>(
  dialect: Dialect,
  rows: readonly T[],
  valueIn: (row: T) => string | number | null,
  by: Apart<NoInfer<T>>,
): Sql {
  const byValue = groupBy(rows, valueIn);
  if (byValue.size === 1 || byValue.size * 2 > rows.length) return pick(rows, valueIn, by);
  const groups = [...byValue].sort(([, a], [, b]) => b.length - a.length);
  // The statement's own condition names the rows, so the most frequent value needs no list.
  const [usual] = groups.shift()!;
  const sql = new Sql("CASE");
  for (const [value, group] of groups)
    sql
      .add(" WHEN ")
      .append(dialect.isIn(by.column, group.map(by.of)))
      .add(" THEN ?", value);
  return sql.add(" ELSE ? END", usual);
}
