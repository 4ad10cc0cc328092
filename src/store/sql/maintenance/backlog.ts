import { clocksOver, openRows } from "../conditions";
import type { Database } from "../connection";
import { dbToMs } from "../times";

/** The most rows that are read. */
const MAX_COUNT = 50_000;
/** The reconciler tries an unpublished response again at least this often. */
const HORIZON_MS = 60_000;

export function backlog(
  db: Database,
  countTo = MAX_COUNT,
): Promise<{ unpublished: number; oldestUnpublishedMs: number; oldestWaitingMs: number }> {
  const { now, nowPlus } = db.dialect;
  return db.read(async (connection) => {
    const [outbox] = await connection.query<{ number_of: number; oldest: string | null; now_at: string }>(
      `SELECT COUNT(*) AS number_of, MIN(changed_at) AS oldest, ${now} AS now_at FROM (
         SELECT changed_at FROM task_responses
         WHERE finished_at IS NULL AND due_at <= ${nowPlus(String(HORIZON_MS))} AND published = 0
           AND status IN ('expected', 'retrying') AND ${clocksOver(now)}
         LIMIT ?) AS unpublished`,
      [countTo],
    );
    const [waiting] = await connection.query<{ oldest: string | null }>(
      `SELECT MIN(since) AS oldest FROM (
         SELECT COALESCE(r.delay_until, t.created_at) AS since FROM task_responses r JOIN tasks t ON t.id = r.task_id
         WHERE ${openRows("r.")} AND r.status = 'expected' AND (r.delay_until IS NULL OR r.delay_until <= ${now})
         LIMIT ${MAX_COUNT}) AS waiting`,
    );
    const age = (time: string | null) => (time === null ? 0 : Math.max(0, dbToMs(outbox!.now_at) - dbToMs(time)));
    return {
      unpublished: Number(outbox!.number_of),
      oldestUnpublishedMs: age(outbox!.oldest),
      oldestWaitingMs: age(waiting!.oldest),
    };
  });
}
