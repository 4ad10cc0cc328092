import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import Libsql from "libsql";
import { DataSource } from "typeorm";
import { TaskerError } from "../../../errors";
import { MIGRATIONS } from "../../migrations";
import type { Database } from "../connection";
import { entities } from "../entities";
import { type SqliteHandle, type SqliteQueue, sqliteDatabase } from "./database";
import { closeToOthers, makePrivate } from "./private-file";

/** How long to wait for the write lock of another process (a command beside a serving process). */
const BUSY_MS = 2000;

/** `path` as in `sqlite:path`; its folder is created. */
export async function openSqlite(path: string, exclusive: boolean): Promise<Database> {
  const inMemory = path === ":memory:";
  const file = inMemory ? path : resolve(path.replace(/^\/\/(?=\/)/, ""));
  if (!inMemory) mkdirSync(dirname(file), { recursive: true });
  const lock = exclusive && !inMemory ? lockFile(file) : null;
  try {
    if (!inMemory) {
      makePrivate(file);
      // SQLite gives new files beside it the same mode; these may be older.
      for (const beside of ["-wal", "-shm", "-journal"]) closeToOthers(file + beside);
    }
    const orm = new DataSource({
      type: "better-sqlite3",
      driver: Libsql,
      database: file,
      timeout: BUSY_MS,
      enableWAL: !inMemory,
      prepareDatabase: (handle: SqliteHandle) => void handle.pragma("synchronous = FULL"),
      entities: entities("sqlite"),
      migrations: MIGRATIONS,
      synchronize: false,
      logging: false,
    });
    await orm.initialize();
    const handle = (orm.driver as unknown as { databaseConnection: SqliteHandle }).databaseConnection;
    return sqliteDatabase(handle, {
      migrate: async (queue: SqliteQueue) => {
        const applied = await queue.alone(() => orm.runMigrations({ transaction: "all" }));
        return applied.map((migration) => migration.name);
      },
      close: async () => {
        await orm.destroy();
        lock?.close();
      },
    });
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/**
 * An open exclusive transaction in a small database beside the file. It holds a lock of the
 * operating system, which ends with the process.
 */
function lockFile(file: string): SqliteHandle {
  makePrivate(`${file}.lock`);
  const lock = new Libsql(`${file}.lock`) as unknown as SqliteHandle;
  try {
    lock.exec("PRAGMA journal_mode = DELETE");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!/locked|busy/i.test((error as Error).message)) throw error;
    throw new TaskerError(
      "database_unavailable",
      `Another tasker process serves from ${file}: SQLite takes one process at a time. Stop the other one, name another file, or use MySQL.`,
      { cause: error },
    );
  }
}
