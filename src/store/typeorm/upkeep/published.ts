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
  const unknown = tasks.filter(({ published }) => published === "unknown");
  const late = tasks.flatMap(({ taskId, published }) =>
    typeof published === "string" ? [] : [{ taskId, receipt: published.receipt }],
  );
  const sql = new Sql("COALESCE(published_at, ");
  if (unknown.length + late.length === 0) return sql.add("created_at)");
  sql.add("CASE");
  for (const [group, value] of [
    [unknown, () => new Sql("NULL")],
    [late, () => pickShared(dialect, late, ({ receipt }) => receipt, "id")],
  ] as const) {
    const ids = group.map(({ taskId }) => taskId);
    if (ids.length > 0) sql.add(" WHEN ").append(dialect.isIn("id", ids)).add(" THEN ").append(value());
  }
  return sql.add(" ELSE created_at END)");
}
