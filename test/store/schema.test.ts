import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import { createPool } from "mysql2";
import { DataSource } from "typeorm";
import { silentLog } from "../../src/log";
import { MIGRATIONS } from "../../src/store/migrations";
import { entities } from "../../src/store/sql/entities";
import { ormOver } from "../../src/store/sql/mysql/migrate";
import { openStore } from "../../src/store/sql/open";
import { createDatabase } from "../support/services";
import { claimed, createdTask, endOf } from "./support";

const OPTIONS = { poolSize: 2, deadlineMs: 20_000, tls: null, log: silentLog };

/** What TypeORM would change to make the database what the entities say. */
async function differences(orm: DataSource): Promise<string[]> {
  const log = await orm.driver.createSchemaBuilder().log();
  return log.upQueries.map(({ query }) => query);
}

describe("the schema", () => {
  it("is on MySQL and MariaDB what the entities say", async () => {
    const scratch = await createDatabase("schema");
    const store = await openStore({ ...OPTIONS, uri: scratch.uri });
    const pool = createPool(scratch.uri);
    try {
      await store.migrate();
      const connection = await pool.promise().getConnection();
      expect(await differences(await ormOver(connection.connection as never))).toEqual([]);
      connection.release();
    } finally {
      await pool.promise().end();
      await store.close();
      await scratch.drop();
    }
  });

  it("is on SQLite what the entities say", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tasker-schema-"));
    const file = join(folder, "tasker.db");
    const store = await openStore({ ...OPTIONS, uri: `sqlite:${file}` });
    await store.migrate();
    const orm = new DataSource({
      type: "better-sqlite3",
      driver: Libsql,
      database: file,
      entities: entities("sqlite"),
    });
    await orm.initialize();
    expect(await differences(orm)).toEqual([]);
    await orm.destroy();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it("is made once when several processes migrate at the same moment", async () => {
    const scratch = await createDatabase("migrate");
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ ...OPTIONS, uri: scratch.uri })));
    const applied = await Promise.all(stores.map((store) => store.migrate()));
    expect(applied.map((names) => names.length).sort()).toEqual([0, 0, MIGRATIONS.length]);
    for (const store of stores) {
      expect(await store.migrate()).toEqual([]);
      await store.close();
    }
    await scratch.drop();
  });

  it("goes on where a migration was interrupted, with what stood in the tables", async () => {
    const scratch = await createDatabase("interrupted");
    const pool = createPool({ uri: scratch.uri, connectionLimit: 1 }).promise();
    const store = await openStore({ ...OPTIONS, uri: scratch.uri });
    await store.migrate();
    const task = await createdTask(store);
    await pool.query("DELETE FROM migrations WHERE name LIKE 'Lean%'");
    for (const undo of ["ADD INDEX tasks_by_status (status, id)", "DROP COLUMN expected"]) {
      await pool.query(`ALTER TABLE tasks ${undo}`);
      expect(await store.migrate()).toEqual([MIGRATIONS[1]!.name]);
      await pool.query("DELETE FROM migrations WHERE name LIKE 'Lean%'");
    }
    const [indexes] = await pool.query("SHOW INDEX FROM tasks");
    const names = (indexes as Array<{ Key_name: string }>).map((index) => index.Key_name);
    expect(names).not.toContain("tasks_by_status");
    // How many responses it has is not known any more; that it ends is.
    await store.managers.finish([endOf(await claimed(store, task.id))]);
    await store.maintenance.storeStatus([task.id]);
    expect((await store.tasks.find(task.type, task.id))!.task.status).toBe("succeeded");
    await pool.end();
    await store.close();
    await scratch.drop();
  });
});
