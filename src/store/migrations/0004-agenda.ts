import type { MigrationInterface, QueryRunner } from "typeorm";
import { hasIndex } from "./has-index";

/**
 * What an end costs. One index for all that the reconciler looks at (what is open by the time it is
 * due, what has ended by the time it did), so that an end moves one entry instead of two. And rows
 * that keep their length: a status and a performer of fixed length, and the row format that
 * reserves the room of what is still NULL. InnoDB then changes a row where it stands; one that
 * grows is taken out and put in again, and the full pages of a growing table are split for it.
 *
 * New rows begin with defaults, so that whoever stores thousands of them says only what differs.
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
    // The new one first: somebody may be working meanwhile.
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
