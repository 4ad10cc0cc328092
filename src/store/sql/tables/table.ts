import type { Connection, Value } from "../connection";
import { clampMs, dbToMs, fromDb, msToDb, nowOf } from "../times";
import type { ColumnType, Kind } from "./types";

/** SQL in place of a value. */
export class Raw {
  constructor(readonly text: string) {}
}

/** One column of one row in an INSERT. */
export type Cell = Value | Raw;

/** The time at which rows are created, by the database's clock: values, or SQL. */
export interface Moment {
  now: Cell;
  /** `delay_until` if it lies ahead, else null. */
  delay: Cell;
  /** The time `ms` after the delay, or after now. */
  after(ms: number): Cell;
}

/** One column. Its first value is made from a `New`. */
export interface Column<New> {
  type: ColumnType;
  key?: true;
  nullable?: true;
  /** The database's default; absent: NULL. */
  default?: string | number;
  /**
   * SQLite has the default, too: the column was added with it. Other columns cannot get one there.
   */
  defaultOnSqlite?: true;
  /** A default that the database computes, as SQL. */
  defaultSql?: Partial<Record<Kind, string>>;
  /** The column holds JSON text; the record, its value. */
  json?: true;
  /** The column's name in the record; absent: it is not in the record. */
  field?: string;
  /** The value in a new row; absent: the default. */
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
 * A table's columns, each with its type (for TypeORM's schema), its first value (for INSERT) and
 * its field (for SELECT). A SELECT names each column as its field, so that the driver's row becomes
 * the record.
 */
export class Table<New, Row extends object> {
  private readonly list: Array<[name: string, column: Column<New>]>;
  /** The list of a SELECT of all fields. */
  readonly all: string;
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
    this.all = this.select();
  }

  /** The list of a SELECT whose rows `record` takes. @param alias of the table, with its dot */
  select(alias = "", which: { only?: ReadonlyArray<keyof Row>; without?: ReadonlyArray<keyof Row> } = {}): string {
    const { only, without = [] } = which;
    const isChosen = (field: keyof Row) => (only ? only.includes(field) : !without.includes(field));
    const chosen = this.list.filter(([, { field }]) => field && isChosen(field as keyof Row));
    return chosen.map(([name, { field }]) => `${alias}${name}${name === field ? "" : ` AS ${field}`}`).join(", ");
  }

  /**
   * Turns the driver's row into the record, in place: times to RFC 3339, bytes to text, JSON
   * parsed.
   */
  record = <T extends object = Row>(row: object): T => {
    const given = row as Record<string, unknown>;
    for (const field of this.times) if (given[field] != null) given[field] = fromDb(given[field] as string);
    // SQLite's driver has made text of them.
    for (const field of this.bytes) if (given[field] instanceof Buffer) given[field] = String(given[field]);
    for (const field of this.json) if (given[field] != null) given[field] = JSON.parse(given[field] as string);
    return row as T;
  };

  /** The record of a row that has just been inserted. `at` holds values. */
  inserted(made: New, at: Moment): Row {
    const row: Record<string, unknown> = {};
    for (const [, column] of this.list) if (column.field) row[column.field] = firstOf(column, made, at);
    return this.record(row);
  }

  /** @param sparse leaves out columns in which every row has the default */
  firstRows(rows: ReadonlyArray<{ made: New; at: Moment }>, sparse: boolean): NewRows {
    const result: NewRows = { columns: [], cells: [], count: rows.length };
    for (const [name, column] of this.list) {
      const usual = column.default ?? null;
      if (!column.first && (sparse || usual === null)) continue;
      const cells = rows.map(({ made, at }) => firstOf(column, made, at));
      if (sparse && (column.nullable || usual !== null) && cells.every((cell) => cell === usual)) continue;
      result.columns.push(name);
      result.cells.push(cells);
    }
    return result;
  }
}

function firstOf<New>(column: Column<New>, made: New, at: Moment): Cell {
  return column.first ? column.first(made, at) : (column.default ?? null);
}

/** The rows of a NewRows without SQL. */
export function valueRows({ cells, count }: NewRows): Value[][] {
  return Array.from({ length: count }, (_, row) => cells.map((column) => column[row] as Value));
}

/** Inserts rows that are created now; existing rows stay as they are. */
export async function insertNow<New>(
  connection: Connection,
  table: Table<New, object>,
  made: readonly New[],
): Promise<void> {
  const now = await nowOf(connection);
  const at: Moment = { now, delay: null, after: (ms) => msToDb(dbToMs(now) + clampMs(ms)) };
  const rows = table.firstRows(
    made.map((row) => ({ made: row, at })),
    false,
  );
  await connection.insert(table.name, rows.columns, valueRows(rows), "keep");
}
