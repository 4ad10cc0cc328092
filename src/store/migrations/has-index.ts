import type { QueryRunner } from "typeorm";

/**
 * For migrations that were interrupted: MySQL commits each statement, and has no IF EXISTS for
 * indexes.
 */
export async function hasIndex(runner: QueryRunner, table: string, index: string): Promise<boolean> {
  const rows: unknown[] = await runner.query(
    "SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?",
    [table, index],
  );
  return rows.length > 0;
}
