import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * Removed and renamed endpoints, and types that the config no longer has.
 *
 * A removed endpoint keeps its row: the time, its new name, and the types whose queues are to be
 * deleted. A registration has its origin, so that config and managers replace only their own. A
 * manager stores the types it serves; `admitted` is set once the API has applied them. `task_types`
 * keeps former types with their keep time.
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
 * An endpoint without a manager was registered by the config, which the next API start applies
 * again.
 */
const ORIGIN = `UPDATE endpoint_types SET by_config = 1, by_manager = 0
  WHERE NOT EXISTS (SELECT 1 FROM managers m WHERE m.endpoint = endpoint_types.endpoint)`;

export class EndpointLives1795700000000 implements MigrationInterface {
  name = "EndpointLives1795700000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    // MySQL commits each statement: check what an interrupted run has done.
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
