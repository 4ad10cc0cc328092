import type { MigrationInterface, QueryRunner } from "typeorm";
import { hasIndex } from "./has-index";

/**
 * What has ended is found by the feed of changes, so the index of due rows holds only what is open,
 * and says nothing of the manager: a claim moves nothing in it. How far the feed has been followed
 * stands beside the lock of who follows it.
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
    // The new one first: somebody may be working meanwhile.
    if (!(await hasIndex(runner, TABLE, NEW))) await runner.query(`ALTER TABLE ${TABLE} ADD INDEX ${NEW} ${COLUMNS}`);
    if (await hasIndex(runner, TABLE, OLD)) await runner.query(`ALTER TABLE ${TABLE} DROP INDEX ${OLD}`);
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
