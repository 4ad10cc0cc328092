import type { Dialect } from "../connection";
import { pickShared, Sql } from "../sql";
import { backToDb, parsed } from "../times";

/** How long the API that stored a task may take to publish it before the reconciler does. */
export const PUBLISH_GRACE_MS = 3000;

/**
 * When a task was published that has ended before that was noted. Whoever stores a task publishes it at once, so it is its creation, if
 * an endpoint received it soon after; else the first receipt, since by then it had been. What nobody received is not known to have
 * been published.
 */
export type PublishedAt = "created" | "unknown" | { receipt: string };

/** @param receipts when each response was received, RFC 3339 as is `createdAt` */
export function publishedAt(createdAt: string, receipts: ReadonlyArray<string | null>): PublishedAt {
  let first: string | null = null;
  for (const receipt of receipts) if (receipt !== null && (first === null || receipt < first)) first = receipt;
  if (first === null) return "unknown";
  return parsed(first) - parsed(createdAt) < PUBLISH_GRACE_MS ? "created" : { receipt: backToDb(first) };
}

/** The expression for an UPDATE of these tasks; what has been noted stays. */
export function publishedSql(dialect: Dialect, tasks: ReadonlyArray<{ taskId: string; published: PublishedAt }>): Sql {
  const unknown: string[] = [];
  const late: Array<{ taskId: string; receipt: string }> = [];
  for (const { taskId, published } of tasks) {
    if (published === "unknown") unknown.push(taskId);
    else if (published !== "created") late.push({ taskId, receipt: published.receipt });
  }
  if (unknown.length + late.length === 0) return new Sql("COALESCE(published_at, created_at)");
  const sql = new Sql("COALESCE(published_at, CASE");
  if (unknown.length > 0) sql.add(" WHEN ").append(dialect.isIn("id", unknown)).add(" THEN NULL");
  if (late.length > 0) {
    const ids = late.map(({ taskId }) => taskId);
    const receipts = pickShared(dialect, late, ({ receipt }) => receipt, "id");
    sql.add(" WHEN ").append(dialect.isIn("id", ids)).add(" THEN ").append(receipts);
  }
  return sql.add(" ELSE created_at END)");
}
