import type { MigrationInterface, QueryRunner } from "typeorm";
import { hasIndex } from "./has-index";

/**
 * Ended responses are found by the completion feed, so the index of due rows holds open ones only.
 * It lacks the manager, so that a claim does not change it. The lock row stores the feed's
 * position.
 */
const TABLE = "task_responses";
const OLD = "task_responses_due";
const NEW = "task_responses_open";
const COLUMNS = "(due_at, endpoint)";

export class Feed1795400000000 implements MigrationInterface {
  name = "Feed1795400000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    if (!(await runner.hasColumn("locks", "place")))
      await runner.query(
        `ALTER TABLE locks ADD COLUMN place ${sqlite ? "TEXT" : "VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin"} NULL`,
      );
    if (sqlite) {
      await runner.query(`CREATE INDEX IF NOT EXISTS ${NEW} ON ${TABLE} ${COLUMNS}`);
      await runner.query(`DROP INDEX IF EXISTS ${OLD}`);
      return;
    }
    // The new index first: other processes may be working.
    if (!(await hasIndex(runner, TABLE, NEW))) await runner.query(`ALTER TABLE ${TABLE} ADD INDEX ${NEW} ${COLUMNS}`);
    if (await hasIndex(runner, TABLE, OLD)) await runner.query(`ALTER TABLE ${TABLE} DROP INDEX ${OLD}`);
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
