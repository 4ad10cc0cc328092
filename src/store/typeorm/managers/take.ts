import type { Dialect } from "../connection";

/** The version of a row that nothing has happened to yet. */
export const FIRST_VERSION = 1;

/**
 * What has been claimed is visited by the reconciler within this, unless its manager says before that it still runs. A visit
 * that is as near as that already stays where it is: most attempts have ended by then, and their visit with them.
 */
const VISIT_MS = 3000;

const FORGET = `, finished_at = NULL, retry_at = NULL, reason = NULL, error = NULL, progress = 0, progress_message = NULL,
     published = 0`;

/** The beginning of a claim, with places for lease, manager and endpoint. `fresh`: nothing is left of an earlier attempt. */
export function beginOf({ byKey, now, nowPlus }: Dialect, fresh: boolean): string {
  const visit = nowPlus(String(VISIT_MS));
  return `UPDATE task_responses${byKey} SET status = 'running', lease_id = ?, manager_id = ?, performer = ?, attempt = attempt + 1,
     received_at = COALESCE(received_at, ${now}), started_at = ${now}, timeout_at = ${nowPlus("timeout_ms")},
     due_at = CASE WHEN due_at BETWEEN ${now} AND ${visit} THEN due_at ELSE ${visit} END,
     version = version + 1${fresh ? "" : FORGET} WHERE `;
}

/** Its end: what a clock may say of a row that a message has outrun. */
export function clocksOf({ now }: Dialect, fresh: boolean): string {
  if (fresh) return " AND delay_until IS NULL";
  return ` AND (retry_at IS NULL OR retry_at <= ${now}) AND (delay_until IS NULL OR delay_until <= ${now})`;
}
