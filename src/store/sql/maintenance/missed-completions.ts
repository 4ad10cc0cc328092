import { firstIdAt } from "../../../model/ids";
import { OPEN } from "../conditions";
import type { Database } from "../connection";
import { dbToMs, nowOf } from "../times";

/** The completion feed takes care of younger tasks. */
const AGE_MS = 10_000;

export function missedCompletions(
  db: Database,
  of: { type: string; status: string; after: string },
  limit: number,
): Promise<{ taskIds: string[]; next: string | null }> {
  return db.read(async (connection) => {
    const before = firstIdAt(dbToMs(await nowOf(connection)) - AGE_MS);
    const rows = await connection.query<{ id: string; is_open: number }>(
      `SELECT p.id, EXISTS (SELECT 1 FROM task_responses r WHERE r.task_id = p.id AND r.status IN (${OPEN})) AS is_open
       FROM (SELECT id FROM tasks WHERE type = ? AND status = ? AND id > ? AND id < ? ORDER BY id LIMIT ?) p ORDER BY p.id`,
      [of.type, of.status, of.after, before, limit],
    );
    return {
      taskIds: rows.filter(({ is_open }) => Number(is_open) === 0).map(({ id }) => id),
      next: rows.length < limit ? null : rows.at(-1)!.id,
    };
  });
}
