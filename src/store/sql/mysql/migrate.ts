import type { PoolConnection } from "mysql2";
import { DataSource } from "typeorm";
import { MIGRATIONS } from "../../migrations";
import { entities } from "../entities";
import { LOCK_WAIT_SECONDS } from "./session";

const LOCK_SECONDS = 600;

/** Applies missing migrations. One process does; others wait for its lock. */
export async function migrateMysql(raw: PoolConnection): Promise<string[]> {
  const ask = async <Row>(sql: string, values: unknown[] = []) => (await raw.promise().query(sql, values))[0] as Row[];
  const [lock] = await ask<{ taken: number }>("SELECT GET_LOCK(CONCAT(DATABASE(), '.tasker.migrate'), ?) AS taken", [
    LOCK_SECONDS,
  ]);
  if (Number(lock?.taken) !== 1)
    throw new Error("Another process has been migrating the database for ten minutes: check it, then try again.");
  try {
    // ALTER TABLE waits for transactions that use the table. Other sessions wait LOCK_WAIT_SECONDS.
    await ask("SET SESSION lock_wait_timeout = ?", [LOCK_SECONDS]);
    const orm = await ormOver(raw);
    const applied = await orm.runMigrations({ transaction: "none" });
    return applied.map((migration) => migration.name);
  } finally {
    await ask("SET SESSION lock_wait_timeout = ?", [LOCK_WAIT_SECONDS]);
    await ask("DO RELEASE_LOCK(CONCAT(DATABASE(), '.tasker.migrate'))");
  }
}

/**
 * TypeORM on a connection of our pool, because its own pool has no deadlines. It cannot release or
 * end the connection.
 */
export async function ormOver(raw: PoolConnection): Promise<DataSource> {
  const [versions] = await raw.promise().query("SELECT VERSION() AS version, DATABASE() AS name");
  const { version, name } = (versions as Array<{ version: string; name: string }>)[0]!;
  const connection = {
    query: raw.query.bind(raw),
    promise: () => raw.promise(),
    release() {},
    on() {},
    listeners: () => [true],
  };
  const pool = {
    getConnection: (done: (error: null, lent: typeof connection) => void) => done(null, connection),
    end: (done: (error: null) => void) => done(null),
  };
  const orm = new DataSource({
    type: /mariadb/i.test(version) ? "mariadb" : "mysql",
    driver: { createPool: () => pool },
    database: name,
    charset: "utf8mb4",
    timezone: "Z",
    dateStrings: true,
    entities: entities("mysql"),
    migrations: MIGRATIONS,
    synchronize: false,
    logging: false,
  });
  return orm.initialize();
}
