import { describeError } from "../../../describe-error";
import { StoreUnavailable } from "../../../errors";
import type { Connection, Database, Value } from "../connection";
import { Writes } from "../writes";
import { sqliteDialect } from "./dialect";

/** The used part of better-sqlite3's interface, which libsql implements. */
export interface SqliteHandle {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(sql: string): unknown;
  readonly inTransaction: boolean;
  close(): void;
}
export interface SqliteStatement {
  readonly reader: boolean;
  all(...values: unknown[]): unknown[];
  run(...values: unknown[]): { changes: number };
}

interface Job {
  writes: boolean;
  work: (connection: Connection) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

const MAX_GROUP = 200;
const MAX_STATEMENTS = 500;

/**
 * One connection with one queue, so that no job sees another's open transaction.
 *
 * Waiting jobs share one transaction and one fsync (group commit). Each has its own savepoint, so
 * one fails alone. A job's promise resolves or rejects after the COMMIT. Some faults (disk full,
 * I/O) make SQLite roll back the transaction: then each other job of the group gets a transaction
 * of its own.
 */
export class SqliteQueue implements Connection {
  readonly dialect = sqliteDialect;
  readonly maxBytes = 500_000_000;
  private readonly statements = new Map<string, SqliteStatement>();
  private waiting: Job[] = [];
  private running: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly handle: SqliteHandle) {}

  add<T>(writes: boolean, work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(new StoreUnavailable("The database has been closed."));
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ writes, work, resolve: resolve as (value: unknown) => void, reject });
      this.running ??= this.drain();
    });
  }

  /** Runs work that opens its own transactions while the queue waits. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.running) await this.running;
    let result: Promise<T> | undefined;
    this.running = (async () => {
      result = work();
      await result.catch(() => undefined);
      await this.drain();
    })();
    return result!;
  }

  async close(): Promise<void> {
    this.closed = true;
    while (this.running) await this.running;
    this.statements.clear();
  }

  async query<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.prepare(sql)
      .all(...values.map(bind))
      .map(unbind) as Row[];
  }

  async run(sql: string, values: readonly Value[] = []): Promise<number> {
    return this.prepare(sql).run(...values.map(bind)).changes;
  }

  prepared(sql: string, values: readonly Value[]): Promise<number> {
    return this.run(sql, values);
  }

  async insert(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly Value[]>,
    onDuplicate = "fail",
  ): Promise<void> {
    const keep = onDuplicate === "keep" ? " ON CONFLICT DO NOTHING" : "";
    const values = columns.map(() => "?").join(", ");
    const statement = this.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${values})${keep}`);
    this.handle.exec("SAVEPOINT rows_of_one_insert");
    try {
      for (const row of rows) statement.run(...row.map(bind));
    } catch (error) {
      if (this.handle.inTransaction) this.handle.exec("ROLLBACK TO rows_of_one_insert");
      throw error;
    } finally {
      if (this.handle.inTransaction) this.handle.exec("RELEASE rows_of_one_insert");
    }
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      // Jobs that arrive in this turn of the event loop join.
      await new Promise((resolve) => setImmediate(resolve));
      await this.commit(this.waiting.splice(0, MAX_GROUP));
    }
    // In the same turn as the check: the next job starts a new loop.
    this.running = null;
  }

  private async commit(group: Job[]): Promise<void> {
    const writes = group.some((job) => job.writes);
    const replies: Array<() => void> = [];
    try {
      this.handle.exec(writes ? "BEGIN IMMEDIATE" : "BEGIN");
    } catch (error) {
      for (const job of group) job.reject(unavailable(error));
      return;
    }
    for (const job of group) {
      const outcome = await this.runOne(job, group.length > 1 && job.writes);
      replies.push(outcome.reply);
      if (!this.handle.inTransaction) return this.oneByOne(group, outcome);
    }
    try {
      this.handle.exec("COMMIT");
    } catch (error) {
      if (this.handle.inTransaction) this.handle.exec("ROLLBACK");
      if (group.length > 1) return this.oneByOne(group, null);
      for (const job of group) job.reject(unavailable(error));
      return;
    }
    for (const reply of replies) reply();
  }

  private async runOne(job: Job, guard: boolean): Promise<{ job: Job; reply: () => void }> {
    if (guard) this.handle.exec("SAVEPOINT one_job");
    try {
      const value = await job.work(this);
      if (guard) this.handle.exec("RELEASE one_job");
      return { job, reply: () => job.resolve(value) };
    } catch (error) {
      if (this.handle.inTransaction) {
        if (guard) this.handle.exec("ROLLBACK TO one_job; RELEASE one_job");
        else if (job.writes) this.handle.exec("ROLLBACK; BEGIN");
      }
      return { job, reply: () => job.reject(translate(error)) };
    }
  }

  /**
   * After a rollback: `culprit`, which caused it, gets its error; the others run again, each alone.
   */
  private async oneByOne(group: Job[], culprit: { job: Job; reply: () => void } | null): Promise<void> {
    culprit?.reply();
    for (const job of group) if (job !== culprit?.job) await this.commit([job]);
  }

  private prepare(sql: string): SqliteStatement {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.handle.prepare(sql);
      if (this.statements.size >= MAX_STATEMENTS) this.statements.delete(this.statements.keys().next().value!);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

// SQLite's text ends at a NUL, a blob does not. A text always has the same form, so it can be
// compared.
function bind(value: Value): Value {
  return typeof value === "string" && value.includes("\0") ? Buffer.from(value, "utf8") : value;
}

function unbind(row: unknown): unknown {
  const record = row as Record<string, unknown>;
  for (const name in record) {
    const value = record[name];
    if (typeof value === "object" && value !== null) record[name] = Buffer.from(value as ArrayBuffer).toString("utf8");
  }
  return record;
}

function translate(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (message?.startsWith("no such table")) {
    return new StoreUnavailable(
      `The database has no tables of tasker (${message}): run \`npx tasker initialize\`.`,
      error,
    );
  }
  return typeof code === "string" &&
    /^SQLITE_(BUSY|LOCKED|IOERR|FULL|NOMEM|READONLY|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|INTERRUPT)/.test(code)
    ? unavailable(error)
    : error;
}

function unavailable(error: unknown): StoreUnavailable {
  return new StoreUnavailable(`SQLite failed: ${describeError(error, "sentence")}.`, error);
}

export function sqliteDatabase(
  handle: SqliteHandle,
  more: { migrate: (queue: SqliteQueue) => Promise<string[]>; close: () => Promise<void> },
): Database {
  const queue = new SqliteQueue(handle);
  const writes = new Writes();
  const write = <T>(work: (connection: Connection) => Promise<T>) => writes.watch(() => queue.add(true, work));
  let closing: Promise<void> | null = null;
  return {
    dialect: sqliteDialect,
    read: (work) => queue.add(false, work),
    single: write,
    write,
    checkWrites: (attempt) =>
      attempt === null
        ? writes.checkWritten(() => queue.add(false, (connection) => connection.query("SELECT 1")))
        : writes.check(() => write((connection) => connection.run(attempt))),
    migrate: () => more.migrate(queue),
    close() {
      closing ??= queue.close().then(() => more.close());
      return closing;
    },
  };
}
