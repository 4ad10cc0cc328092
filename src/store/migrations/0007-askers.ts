import type { MigrationInterface, QueryRunner } from "typeorm";

/**
 * The inbox records the account that inserts a row: the default of a column that a manager's user
 * may not write. A trigger would need SUPER if the binary log is on. `accounts` lists the managers'
 * accounts with the types they serve; `initialize` fills it.
 *
 * The default is added in a second step: MySQL refuses to fill old rows with a value that depends
 * on the server.
 */
const ACCOUNT = "VARCHAR(400) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const NAME = "VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin";
const LONG = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

export class Askers1795800000000 implements MigrationInterface {
  name = "Askers1795800000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    if (!(await runner.hasColumn("task_requests", "asked_by")))
      await runner.query(`ALTER TABLE task_requests ADD COLUMN asked_by ${sqlite ? "TEXT" : ACCOUNT} NULL`);
    if (sqlite) {
      await runner.query(
        "CREATE TABLE IF NOT EXISTS accounts (account TEXT NOT NULL, endpoint TEXT NULL, types TEXT NULL, PRIMARY KEY (account))",
      );
      return;
    }
    await runner.query("ALTER TABLE task_requests ALTER COLUMN asked_by SET DEFAULT (CURRENT_USER())");
    await runner.query(
      `CREATE TABLE IF NOT EXISTS accounts (account ${ACCOUNT} NOT NULL, endpoint ${NAME} NULL, types ${LONG} NULL, PRIMARY KEY (account))
       ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
