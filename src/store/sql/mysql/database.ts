import type { Pool, PoolConnection } from "mysql2";
import { type Backoff, backoffMs, pause } from "../../../backoff";
import { Deadlines } from "../../../deadlines";
import { StoreUnavailable } from "../../../errors";
import { CREATE_LANES } from "../../store";
import type { Connection, Database, Value } from "../connection";
import type { StoreOptions } from "../options";
import { FIND_LANES } from "../tasks/read";
import { Writes } from "../writes";
import { mysqlDialect } from "./dialect";
import { endsConnection, type Fault, faultOf, unavailable } from "./errors";
import type * as Migrate from "./migrate";
import { poolOptions } from "./options";
import { destroy, Pools } from "./pools";
import { SESSION } from "./session";

/** How long a server that refuses connections is tried again. */
const REFUSED_MS = 1000;
const RETRY: Backoff = { firstMs: 8, factor: 2, maxMs: 750 };
const MIGRATE_MS = 15 * 60_000;
/** One for each batch of scripts under way, so that none waits for a connection. */
const SCRIPT_CONNECTIONS = CREATE_LANES + FIND_LANES;

/**
 * MySQL and MariaDB through mysql2's pool. Each call has one deadline for its connection, its
 * statements and its repetitions. The driver lacks this: it waits for a connection without end, and
 * returns a connection to the pool whose query timed out with the answer still to come. So at the
 * deadline the connection is destroyed, and the idle ones with it: they are frozen, too.
 */
export class MysqlDatabase implements Database {
  readonly dialect = mysqlDialect;
  private readonly pools = new Pools();
  private readonly pool: Pool;
  private readonly scriptPool: Pool;
  private readonly writes = new Writes();
  private readonly scriptWrites = new Writes();
  private readonly ready = new WeakSet<PoolConnection>();
  private readonly deadlines = new Deadlines();
  private readonly where: string;
  private maxBytes = 1_000_000;
  private closed = false;

  constructor(private readonly options: StoreOptions) {
    const config = poolOptions(options.uri, options);
    this.where = `${config.database} at ${config.socketPath ?? `${config.host}:${config.port}`}`;
    this.pool = this.pools.add(config);
    this.scriptPool = this.pools.add({ ...config, multipleStatements: true, connectionLimit: SCRIPT_CONNECTIONS });
  }

  read<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T> {
    return this.withDb(work, deadlineMs);
  }

  single<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T> {
    return this.writes.watch(() => this.withDb(work, deadlineMs));
  }

  write<T>(work: (connection: Connection) => Promise<T>, deadlineMs?: number): Promise<T> {
    return this.writes.watch(() =>
      this.withDb(async (connection) => {
        await connection.query("START TRANSACTION");
        const result = await work(connection);
        await connection.query("COMMIT");
        return result;
      }, deadlineMs),
    );
  }

  /** Scripts have their own connections: the others take one statement in a text. */
  readScript<Row>(text: string): Promise<Row[][] | null> {
    return this.sendScript(text);
  }

  writeScript<Row>(text: string, deadlineMs?: number): Promise<Row[][] | null> {
    return this.scriptWrites.watch(() => this.sendScript<Row>(text, deadlineMs));
  }

  async checkWrites(attempt: string | null, deadlineMs: number): Promise<void> {
    if (attempt === null) {
      const read = () => this.read((connection) => connection.query("SELECT 1"), deadlineMs);
      return this.writes.checkWritten(read);
    }
    await Promise.all([
      this.writes.check(() => this.single((connection) => connection.run(attempt), deadlineMs)),
      this.scriptWrites.check(() => this.writeScript(attempt, deadlineMs)),
    ]);
  }

  private sendScript<Row>(text: string, deadlineMs?: number): Promise<Row[][] | null> {
    return this.withDb(
      async (connection) => {
        if (text.length * 3 > connection.maxBytes && Buffer.byteLength(text) > connection.maxBytes) return null;
        return send<Row[][]>((connection as MysqlConnection).raw, text);
      },
      deadlineMs,
      this.scriptPool,
    );
  }

  migrate(): Promise<string[]> {
    // TypeORM takes 25 MB, which a manager, which does not migrate, saves.
    const { migrateMysql } = require("./migrate") as typeof Migrate;
    return this.withDb((connection) => migrateMysql((connection as MysqlConnection).raw), MIGRATE_MS);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const late = pause(Math.min(this.options.deadlineMs, 3000), undefined, { ref: false }).then(() => "late");
    if ((await Promise.race([this.pools.end(), late])) === "late") this.pools.endIdle();
  }

  private async withDb<T>(
    work: (connection: Connection) => Promise<T>,
    deadlineMs = this.options.deadlineMs,
    pool = this.pool,
  ): Promise<T> {
    const begin = performance.now();
    const until = begin + deadlineMs;
    for (let round = 0; ; round++) {
      try {
        return await this.once(work, until, pool);
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        const fault = error instanceof NoConnection ? error.fault : faultOf(error);
        if (fault === "other") throw error;
        const now = performance.now();
        const end = fault === "refused" ? Math.min(until, begin + REFUSED_MS) : until;
        const waitMs = backoffMs(round + 1, RETRY);
        if (fault === "away" || this.closed || now + waitMs >= end)
          throw unavailable(this.where, error instanceof NoConnection ? error.cause : error);
        await pause(waitMs);
      }
    }
  }

  /** Resolves or rejects by the deadline, whatever the connection does. */
  private once<T>(work: (connection: Connection) => Promise<T>, until: number, pool: Pool): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let raw: PoolConnection | null = null;
      let failed: unknown = null;
      let over = false;
      const ended = this.deadlines.watch(until, () => {
        over = true;
        if (raw) {
          destroy(raw);
          this.pools.endIdle();
        }
        reject(failed ?? this.tooLate());
      });
      pool.getConnection((error, connection) => {
        if (over) return void connection?.release();
        if (error) {
          ended();
          return reject(this.noConnection(error));
        }
        raw = connection;
        this.perform(connection, work).then(
          (result) => {
            if (over) return;
            ended();
            this.pools.release(connection);
            resolve(result);
          },
          async (thrown) => {
            if (over) return;
            failed = thrown;
            await this.giveBack(connection, thrown);
            ended();
            reject(thrown);
          },
        );
      });
    });
  }

  private async perform<T>(raw: PoolConnection, work: (connection: Connection) => Promise<T>): Promise<T> {
    if (!this.ready.has(raw)) {
      for (const statement of SESSION) await send(raw, statement);
      const [row] = await send<Array<{ bytes: number }>>(raw, "SELECT @@max_allowed_packet AS bytes");
      this.maxBytes = Math.max(16_384, Number(row!.bytes) - 16_384);
      this.ready.add(raw);
    }
    return work(new MysqlConnection(raw, this.maxBytes));
  }

  /** Rolls back and returns the connection to the pool, or destroys it. */
  private async giveBack(raw: PoolConnection, error: unknown): Promise<void> {
    if (endsConnection(faultOf(error))) return this.pools.retire(raw);
    if ((error as { errno?: number }).errno === 1153) return destroy(raw);
    try {
      await send(raw, "ROLLBACK");
      this.pools.release(raw);
    } catch {
      destroy(raw);
    }
  }

  private noConnection(error: Error): Error {
    const busy = /Queue limit|Pool is closed/.test(error.message);
    return busy ? unavailable(this.where, error) : new NoConnection(error);
  }

  private tooLate(): StoreUnavailable {
    return new StoreUnavailable(
      `The database ${this.where} did not answer in time. The call may have taken effect or not; it can be repeated.`,
    );
  }
}

/**
 * No connection was made. A proxy in front of a dead server resets connections instead of refusing
 * them.
 */
class NoConnection extends Error {
  readonly fault: Fault;
  constructor(override readonly cause: Error) {
    super(cause.message);
    const fault = faultOf(cause);
    this.fault = fault === "lost" ? "refused" : fault;
  }
}

class MysqlConnection implements Connection {
  readonly dialect = mysqlDialect;
  constructor(
    readonly raw: PoolConnection,
    readonly maxBytes: number,
  ) {}

  query<Row>(sql: string, values?: readonly Value[]): Promise<Row[]> {
    return send<Row[]>(this.raw, sql, values);
  }

  async run(sql: string, values?: readonly Value[]): Promise<number> {
    // CLIENT_FOUND_ROWS: rows matched, changed or not.
    return (await send<{ affectedRows: number }>(this.raw, sql, values)).affectedRows;
  }

  prepared(sql: string, values: readonly Value[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.raw.execute(sql, [...values], (error: Error | null, result: unknown) =>
        error ? reject(error) : resolve((result as { affectedRows: number }).affectedRows),
      );
    });
  }

  async insert(
    table: string,
    columns: readonly string[],
    rows: ReadonlyArray<readonly Value[]>,
    onDuplicate: "fail" | "keep" = "fail",
  ): Promise<void> {
    if (rows.length === 0) return;
    try {
      await send(this.raw, `INSERT INTO ${table} (${columns.join(", ")}) VALUES ?`, [rows]);
    } catch (error) {
      // ON DUPLICATE KEY UPDATE would be one statement, but needs the right to update every column.
      if (onDuplicate === "fail" || !mysqlDialect.isDuplicate(error)) throw error;
      if (rows.length > 1) for (const row of rows) await this.insert(table, columns, [row], "keep");
    }
  }
}

function send<Result>(raw: PoolConnection, sql: string, values?: readonly unknown[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    // Not an empty list: the driver would search a long text for placeholders.
    const filling = values === undefined ? null : [...values];
    raw.query(sql, filling, (error: Error | null, result: unknown) =>
      error ? reject(error) : resolve(result as Result),
    );
  });
}
