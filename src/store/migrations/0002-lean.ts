import type { MigrationInterface, QueryRunner } from "typeorm";
import { hasIndex } from "./has-index";

/**
 * Less work for each task. Two of three indexes on the status go: pages are merged from ranges of
 * the third. A task stores the number of its responses, so that their ends alone show its
 * completion.
 */
const DROPPED = ["tasks_by_type", "tasks_by_status"];
const ASCII = "CHARACTER SET ascii COLLATE ascii_bin";

export class Lean1795300000000 implements MigrationInterface {
  name = "Lean1795300000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    // MySQL commits each statement and has no IF EXISTS here: check what an interrupted run has
    // done.
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
