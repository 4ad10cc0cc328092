/**
 * The interface that statements are written against: one connection at a time, in or out of a
 * transaction, in either dialect.
 *
 * `read` and `write` may run their function several times (deadlock, lost connection), so it must
 * have no effects but its statements. Ids and leases are made outside of it: after a lost COMMIT
 * answer the repetition finds its own rows.
 */
export type Value = string | number | null | Buffer;

export interface Connection {
  readonly dialect: Dialect;
  query<Row>(sql: string, values?: readonly Value[]): Promise<Row[]>;
  /** Resolves to the number of rows matched, changed or not. */
  run(sql: string, values?: readonly Value[]): Promise<number>;
  /** As `run`, for one of a few constant texts: the server keeps them parsed. */
  prepared(sql: string, values: readonly Value[]): Promise<number>;
  /** Inserts all rows, or none and rejects. */
  insert(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly Value[]>,
    onDuplicate?: "fail" | "keep",
  ): Promise<void>;
  /** The most bytes that one statement's values may take. */
  readonly maxBytes: number;
}

export interface Database {
  readonly dialect: Dialect;
  /** Reads. Each statement sees what is committed when it begins. */
  read<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** Runs one writing statement, its own transaction, and reads. Cheaper than `write`. */
  single<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** Runs one transaction, READ COMMITTED or stricter. */
  write<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /**
   * Sends several statements in one round trip, for the hottest reads and writes; absent if round
   * trips are free. Resolves to each statement's rows; null: the text exceeds the database's limit.
   */
  readScript?<Row>(text: string): Promise<Row[][] | null>;
  /** The text begins and commits its own transaction. The first error ends it and is thrown. */
  writeScript?<Row>(text: string): Promise<Row[][] | null>;
  /**
   * Rejects with StoreUnavailable if the latest writes failed. Without a recent write it tries
   * `attempt`, a statement that writes, on each pool that writes use. Null: it tries a read
   * instead.
   */
  checkWrites(attempt: string | null, deadlineMs: number): Promise<void>;
  migrate(): Promise<string[]>;
  close(): Promise<void>;
}

/** The differences between the two databases' SQL, as fragments of text. */
export interface Dialect {
  readonly kind: "mysql" | "sqlite";
  /** The database's clock, UTC, milliseconds. */
  readonly now: string;
  /** The clock plus an expression in milliseconds (a column or `?`). */
  nowPlus(ms: string): string;
  /** A time plus an expression in milliseconds. */
  plus(time: string, ms: string): string;
  /** For SET: assigns one expression, evaluated once, to two columns. */
  both(first: string, second: string, expression: string): string;
  /** After the table's name: find rows by the primary key, and lock no other index. */
  readonly byKey: string;
  /** After the table's name: find rows by this index. */
  by(index: string): string;
  /** Selects the types of all stored tasks by skipping through an index. */
  readonly everyType: string;
  /** The earlier of two expressions. */
  least(a: string, b: string): string;
  /** After a SELECT whose rows the transaction is going to change. */
  readonly forUpdate: string;
  /** After INSERT … SELECT: existing rows stay as they are. `column`: any column of the key. */
  keepDuplicates(column: string): string;
  /** `column IN (…)` and its values. */
  isIn(column: string, list: readonly string[]): { text: string; values: Value[] };
  /** The longest usual time between a change's timestamp and its commit, milliseconds. */
  readonly feedLagMs: number;
  /** A unique key was violated. */
  isDuplicate(error: unknown): boolean;
  /** The error is about the row's own data (too long, too large, not storable). */
  isBadRow(error: unknown): boolean;
}
