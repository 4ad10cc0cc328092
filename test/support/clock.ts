import Libsql from "libsql";
import { createConnection } from "mysql2/promise";
import { mysqlDialect } from "../../src/store/sql/mysql/dialect";
import { sqliteDialect } from "../../src/store/sql/sqlite/dialect";

const OFFSET = "(SELECT ms FROM test_clock)";

/**
 * A database's clock that makes steps: what this process's statements take for the time is the database's own, and as much more as stands
 * in a table. Before the first statement of a store in this process.
 */
export async function steppableClock(
  uri: string,
): Promise<{ step(ms: number): Promise<void>; close(): Promise<void> }> {
  const run = uri.startsWith("sqlite:") ? besideSqlite(uri.slice("sqlite:".length)) : await besideMysql(uri);
  await run("CREATE TABLE test_clock (ms BIGINT NOT NULL)");
  await run("INSERT INTO test_clock (ms) VALUES (0)");
  return {
    step: (ms) => run(`UPDATE test_clock SET ms = ms + ${ms}`),
    close: () => run(null),
  };
}

function besideSqlite(file: string): (statement: string | null) => Promise<void> {
  const format = "'%Y-%m-%d %H:%M:%f'";
  sqliteDialect.nowPlus = (ms) => `strftime(${format}, 'now', ((${ms} + ${OFFSET}) / 1000.0) || ' seconds')`;
  (sqliteDialect as { now: string }).now = sqliteDialect.nowPlus("0");
  const beside = new Libsql(file, { timeout: 5000 });
  return async (statement) => void (statement === null ? beside.close() : beside.exec(statement));
}

async function besideMysql(uri: string): Promise<(statement: string | null) => Promise<void>> {
  mysqlDialect.nowPlus = (ms) =>
    `CAST(UTC_TIMESTAMP(3) + INTERVAL (${ms} + ${OFFSET}) * 1000 MICROSECOND AS DATETIME(3))`;
  (mysqlDialect as { now: string }).now = mysqlDialect.nowPlus("0");
  const beside = await createConnection(uri);
  return async (statement) => void (await (statement === null ? beside.end() : beside.query(statement)));
}
