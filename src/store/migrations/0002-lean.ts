import type { MigrationInterface, QueryRunner } from "typeorm";
import { hasIndex } from "./has-index";

/**
 * What made each task dear and could be had otherwise: two of three indexes on the status go (a
 * page of one type or of one status is put together from ranges of the third); a task knows how
 * many responses it has, so that its end can be told from them alone.
 */
const DROPPED = ["tasks_by_type", "tasks_by_status"];
const ASCII = "CHARACTER SET ascii COLLATE ascii_bin";

export class Lean1795300000000 implements MigrationInterface {
  name = "Lean1795300000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    // MySQL commits each statement, and has no IF EXISTS for these: what an interrupted run has
    // done is looked up.
    if (!(await runner.hasColumn("tasks", "expected")))
      await runner.query(`ALTER TABLE tasks ADD COLUMN expected ${sqlite ? "INTEGER" : "INT"} NOT NULL DEFAULT 0`);
    for (const index of DROPPED) {
      if (sqlite) await runner.query(`DROP INDEX IF EXISTS ${index}`);
      else if (await hasIndex(runner, "tasks", index)) await runner.query(`ALTER TABLE tasks DROP INDEX ${index}`);
    }
    await runner.query(
      sqlite
        ? "CREATE TABLE IF NOT EXISTS secrets (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))"
        : `CREATE TABLE IF NOT EXISTS secrets (name VARCHAR(63) ${ASCII} NOT NULL, value VARCHAR(64) ${ASCII} NOT NULL, PRIMARY KEY (name))
           ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
