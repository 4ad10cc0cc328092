/**
 * What the store's statements are written against: one connection at a time, in or out of a transaction, in either dialect.
 *
 * The function handed to `read` and `write` may be run several times (deadlock, lost connection), so it holds no effects
 * beyond its statements. Ids and leases are made outside of it: a repetition after a lost COMMIT answer then finds its own rows.
 */
export type Value = string | number | null | Buffer;

export interface Connection {
  readonly dialect: Dialect;
  query<Row>(sql: string, values?: readonly Value[]): Promise<Row[]>;
  /** Resolves to the number of rows matched (not: changed). */
  run(sql: string, values?: readonly Value[]): Promise<number>;
  /** As `run`, for one of a few texts that never change: the server keeps them parsed. */
  prepared(sql: string, values: readonly Value[]): Promise<number>;
  /** Inserts all rows, or none and rejects. */
  insert(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly Value[]>,
    onDuplicate?: "fail" | "keep",
  ): Promise<void>;
  /** How large one statement's values may be, in bytes. */
  readonly maxBytes: number;
}

export interface Database {
  readonly dialect: Dialect;
  /** Reads; each statement sees what is committed when it begins. */
  read<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** One writing statement that is its own transaction, and reads beside it. Cheaper than `write`. */
  single<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /** One transaction, READ COMMITTED or stricter. */
  write<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T>;
  /**
   * Several statements as one text in one round trip, for the hottest reads and writes; absent where a round trip costs nothing.
   * Resolves to the rows of each statement; null: the text is longer than the database takes.
   */
  readScript?<Row>(text: string): Promise<Row[][] | null>;
  /** Opens and commits its own transaction; the first statement that fails ends it, nothing stands, and its error is thrown. */
  writeScript?<Row>(text: string): Promise<Row[][] | null>;
  /**
   * Rejects with StoreUnavailable while writes fail, by how the last ones went; where none has been made for a moment,
   * `attempt`, a statement that writes, is tried on every way that writes take. Null: whoever asks may not write for it; then
   * what was written tells, and before the first write a read.
   */
  checkWrites(attempt: string | null, deadlineMs: number): Promise<void>;
  migrate(): Promise<string[]>;
  close(): Promise<void>;
}

/** The few places where the two databases' SQL differs. All of these are fragments of SQL text. */
export interface Dialect {
  readonly kind: "mysql" | "sqlite";
  /** The database's clock, UTC, milliseconds. */
  readonly now: string;
  /** The clock plus an expression in milliseconds (a column or `?`). */
  nowPlus(ms: string): string;
  /** A time plus an expression in milliseconds. */
  plus(time: string, ms: string): string;
  /** For SET: two columns that take the value of one expression, which is said (and reckoned) once. */
  both(first: string, second: string, expression: string): string;
  /** After the table's name: find the rows by their primary key, and lock no other index on the way. */
  readonly byKey: string;
  /** After the table's name: find the rows by this index. */
  by(index: string): string;
  /** The types that tasks are stored with, found from one to the next in an index. */
  readonly everyType: string;
  /** The earlier of two expressions. */
  least(a: string, b: string): string;
  /** Appended to a SELECT whose rows the transaction is going to change. */
  readonly forUpdate: string;
  /** Appended to INSERT … SELECT: a row that exists already stays as it is. `column` is any column of the key. */
  keepDuplicates(column: string): string;
  /** `column IN (…)` and its values. */
  isIn(column: string, list: readonly string[]): { text: string; values: Value[] };
  /** Milliseconds by which a change's time may run ahead of its commit. */
  readonly feedLagMs: number;
  /** A unique key was violated. */
  isDuplicate(error: unknown): boolean;
  /** The fault lies in the row's own data (too long, too large, not storable). */
  isBadRow(error: unknown): boolean;
}
