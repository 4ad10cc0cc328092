import type { Value } from "../connection";
import { bytesToText } from "../rows";
import { fromDb } from "../times";
import type { ColumnType, Kind } from "./types";

/** SQL that stands where a value would. */
export class Raw {
  constructor(readonly text: string) {}
}

/** What an INSERT says for one column of one row. */
export type Cell = Value | Raw;

/** The moment at which a row begins, by the database's clock: read beforehand, or as SQL. */
export interface Moment {
  now: Cell;
  /** `delay_until`, if it lies ahead. */
  delay: Cell;
  /** Counted from the end of the delay, or from now. */
  after(ms: number): Cell;
}

/** One column. `New` is what its first value is made from. */
export interface Column<New> {
  type: ColumnType;
  key?: true;
  nullable?: true;
  /** What a row begins with where an INSERT leaves the column out; absent: NULL. */
  default?: string | number;
  /** SQLite cannot give an existing column a default: it has that of a column added with one. */
  defaultOnSqlite?: true;
  /** A default that the database computes, as SQL. */
  defaultSql?: Partial<Record<Kind, string>>;
  /** The record has what this JSON text says. */
  json?: true;
  /** Its name in the record; absent: the record does not have it. */
  field?: string;
  /** What a new row begins with; absent: the default. */
  first?(made: New, at: Moment): Cell;
}

/** New rows of a table: `cells[i][r]` belongs to `columns[i]` of row `r`. */
export interface NewRows {
  columns: string[];
  cells: Cell[][];
  count: number;
}

export interface Index {
  name: string;
  columns: string[];
  unique?: true;
}

/**
 * A table's columns, each once: its type (for TypeORM's schema), its first value (for INSERT) and its
 * field (for SELECT). A SELECT names each column as its field, so the driver's row becomes the record.
 */
export class Table<New, Row extends object> {
  private readonly list: Array<[name: string, column: Column<New>]>;
  private readonly times: string[];
  private readonly bytes: string[];
  private readonly json: string[];

  constructor(
    readonly name: string,
    readonly columns: Readonly<Record<string, Column<New>>>,
    readonly indexes: readonly Index[] = [],
  ) {
    this.list = Object.entries(columns);
    const fields = (which: (column: Column<New>) => boolean) =>
      this.list.flatMap(([, column]) => (column.field && which(column) ? [column.field] : []));
    this.times = fields(({ type }) => type === "time");
    this.bytes = fields(({ type }) => type === "bytes");
    this.json = fields(({ json }) => json === true);
  }

  /** The list of a SELECT whose rows `record` takes. @param alias of the table in the statement, with its dot */
  select(alias = "", which: { only?: ReadonlyArray<keyof Row>; without?: ReadonlyArray<keyof Row> } = {}): string {
    const { only, without = [] } = which;
    const isChosen = (field: keyof Row) => (only ? only.includes(field) : !without.includes(field));
    const chosen = this.list.filter(([, { field }]) => field && isChosen(field as keyof Row));
    return chosen.map(([name, { field }]) => `${alias}${name}${name === field ? "" : ` AS ${field}`}`).join(", ");
  }

  /** The driver's row as the record: times in RFC 3339, bytes as text, JSON parsed. Changes it in place. */
  record = (row: object): Row => {
    const given = row as Record<string, unknown>;
    for (const field of this.times) if (given[field] != null) given[field] = fromDb(given[field] as string);
    for (const field of this.bytes) if (given[field] != null) given[field] = bytesToText(given[field] as Buffer);
    for (const field of this.json) if (given[field] != null) given[field] = JSON.parse(given[field] as string);
    return row as Row;
  };

  /** What `record` would make of the row that has just been inserted. `at` holds values. */
  inserted(made: New, at: Moment): Row {
    const row: Record<string, unknown> = {};
    for (const [, column] of this.list) if (column.field) row[column.field] = firstOf(column, made, at);
    return this.record(row);
  }

  /** @param sparse leaves out columns in which every row begins as the table does */
  firstRows(rows: ReadonlyArray<{ made: New; at: Moment }>, sparse: boolean): NewRows {
    const said: NewRows = { columns: [], cells: [], count: rows.length };
    for (const [name, column] of this.list) {
      const begins = column.default ?? null;
      if (!column.first && (sparse || begins === null)) continue;
      const cells = rows.map(({ made, at }) => firstOf(column, made, at));
      if (sparse && (column.nullable || column.default !== undefined) && cells.every((cell) => cell === begins))
        continue;
      said.columns.push(name);
      said.cells.push(cells);
    }
    return said;
  }
}

function firstOf<New>(column: Column<New>, made: New, at: Moment): Cell {
  return column.first ? column.first(made, at) : (column.default ?? null);
}

/** The rows of a NewRows that holds values only. */
export function valueRows({ cells, count }: NewRows): Value[][] {
  return Array.from({ length: count }, (_, row) => cells.map((column) => column[row] as Value));
}
