import type { MigrationInterface, QueryRunner } from "typeorm";
import { hasIndex } from "./has-index";

/**
 * Cheaper ends. One index serves the reconciler (open rows by due time, ended rows by end), so that
 * an end moves one entry instead of two. Rows keep their length: status and performer have a fixed
 * length, and the row format reserves the space of NULL columns. InnoDB then updates a row in
 * place; a growing row is moved, which splits full pages.
 *
 * New rows have defaults, so that an INSERT of thousands lists only columns that differ.
 */
const RESPONSES = "task_responses";
const OLD = "task_responses_open";
const NEW = "task_responses_agenda";
const COLUMNS = "(finished_at, due_at)";
const ASCII = "CHARACTER SET ascii COLLATE ascii_bin";
const STATUS = `MODIFY status CHAR(16) ${ASCII} NOT NULL DEFAULT`;
const PERFORMER = `MODIFY performer CHAR(63) ${ASCII} NULL`;
const FIXED = "ROW_FORMAT=REDUNDANT";

export class Agenda1795500000000 implements MigrationInterface {
  name = "Agenda1795500000000";

  async up(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === "better-sqlite3") {
      await runner.query(`CREATE INDEX IF NOT EXISTS ${NEW} ON ${RESPONSES} ${COLUMNS}`);
      await runner.query(`DROP INDEX IF EXISTS ${OLD}`);
      return;
    }
    await runner.query(`ALTER TABLE tasks ${STATUS} 'pending', ALTER version SET DEFAULT 1, ${FIXED}`);
    const begins = { attempt: 0, generation: 1, progress: 0, published: 0, version: 1 };
    const defaults = Object.entries(begins).map(([column, value]) => `ALTER ${column} SET DEFAULT ${value}`);
    await runner.query(`ALTER TABLE ${RESPONSES} ${STATUS} 'expected', ${PERFORMER}, ${defaults.join(", ")}, ${FIXED}`);
    // The new index first: other processes may be working.
    if (!(await hasIndex(runner, RESPONSES, NEW)))
      await runner.query(`ALTER TABLE ${RESPONSES} ADD INDEX ${NEW} ${COLUMNS}`);
    if (await hasIndex(runner, RESPONSES, OLD)) await runner.query(`ALTER TABLE ${RESPONSES} DROP INDEX ${OLD}`);
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
