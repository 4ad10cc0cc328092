import type { QueryRunner } from "typeorm";

/**
 * MySQL commits each statement and has no IF EXISTS for indexes: what an interrupted migration has
 * done is looked up.
 */
export async function hasIndex(runner: QueryRunner, table: string, index: string): Promise<boolean> {
  const rows: unknown[] = await runner.query(
    "SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?",
    [table, index],
  );
  return rows.length > 0;
}
