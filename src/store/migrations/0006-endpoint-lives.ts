import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * The end of an endpoint's life, and what a changed config leaves behind.
 *
 * An endpoint that was removed keeps its row: when that was, under which name it goes on, and the
 * types whose queues there still have to go. A registration says where it comes from, so that each
 * side replaces only what it has said itself. A manager says what it serves; `admitted` once the
 * API has drawn the consequences. And the types that the config has had, for what is kept of their
 * tasks when it has them no more.
 */
const ASCII = "CHARACTER SET ascii COLLATE ascii_bin";
const LONG = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

type Column = [table: string, name: string, mysql: string, sqlite: string];

const COLUMNS: readonly Column[] = [
  ["endpoints", "removed_at", "DATETIME(3) NULL", "TEXT NULL"],
  ["endpoints", "renamed_to", `VARCHAR(63) ${ASCII} NULL`, "TEXT NULL"],
  ["endpoints", "leaving", `${LONG} NULL`, "TEXT NULL"],
  ["endpoint_types", "by_config", "INT NOT NULL DEFAULT 0", "INTEGER NOT NULL DEFAULT 0"],
  ["endpoint_types", "by_manager", "INT NOT NULL DEFAULT 1", "INTEGER NOT NULL DEFAULT 1"],
  ["endpoint_types", "open_deliver", `VARCHAR(16) ${ASCII} NULL`, "TEXT NULL"],
  ["managers", "types", `${LONG} NULL`, "TEXT NULL"],
  ["managers", "admitted", "INT NOT NULL DEFAULT 0", "INTEGER NOT NULL DEFAULT 0"],
];

const TYPES_MYSQL = `CREATE TABLE IF NOT EXISTS task_types (
    name VARCHAR(63) ${ASCII} NOT NULL,
    deliver VARCHAR(16) ${ASCII} NOT NULL,
    keep_ms BIGINT NULL,
    configured INT NOT NULL,
    PRIMARY KEY (name)
  ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;
const TYPES_SQLITE =
  "CREATE TABLE IF NOT EXISTS task_types (name TEXT NOT NULL, deliver TEXT NOT NULL, keep_ms INTEGER NULL, configured INTEGER NOT NULL, PRIMARY KEY (name))";

/**
 * Who has never had a manager was registered by the config; it says again what it has when the next
 * API starts.
 */
const ORIGIN = `UPDATE endpoint_types SET by_config = 1, by_manager = 0
  WHERE NOT EXISTS (SELECT 1 FROM managers m WHERE m.endpoint = endpoint_types.endpoint)`;

export class EndpointLives1795700000000 implements MigrationInterface {
  name = "EndpointLives1795700000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    // MySQL commits each statement: what an interrupted run has done is looked up.
    for (const [table, name, mysql, lite] of COLUMNS) {
      if (await runner.hasColumn(table, name)) continue;
      await runner.query(`ALTER TABLE ${table} ADD COLUMN ${name} ${sqlite ? lite : mysql}`);
    }
    await runner.query(ORIGIN);
    await runner.query(sqlite ? TYPES_SQLITE : TYPES_MYSQL);
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
