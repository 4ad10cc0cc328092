import { isId } from "../../../model/ids";
import type { ResponseKey } from "../../../model/response";
import type { SeenResponse } from "../../store";
import { openRows, WAITING } from "../conditions";
import type { Database } from "../connection";
import { chunks, groupBy, inKeyOrder, MAX_LIST, matchKeys, Sql, unique } from "../sql";
import { clampMs } from "../times";

/** Waits are rounded up to this, so that rows with nearly the same share a statement. */
const ROUND_MS = 50;

/**
 * What the broker has confirmed and nobody has claimed is looked at again after `recheckMs`, or when the task's wait for
 * its endpoints ends, whichever comes first. A key may carry `attempt` and `generation`: then a confirm that arrives after
 * the next attempt has been scheduled, or the response has been opened anew, says nothing about that one.
 */
export async function markPublished(
  db: Database,
  keys: ReadonlyArray<ResponseKey & { attempt?: number; generation?: number }>,
  recheckMs: number,
): Promise<void> {
  const { now, nowPlus, least, byKey } = db.dialect;
  const recheck = nowPlus(String(clampMs(recheckMs)));
  const wait = "(SELECT t.wait_until FROM tasks t WHERE t.id = task_responses.task_id)";
  for (const part of chunks(keys.filter((key) => isId(key.taskId)).sort(inKeyOrder), MAX_LIST)) {
    await db.write(async (connection) => {
      for (const group of groupBy(part, (key) => `${key.attempt} ${key.generation}`).values()) {
        const sql = new Sql(
          `UPDATE task_responses${byKey} SET published = 1,
             due_at = CASE WHEN ${wait} > ${now} THEN ${least(recheck, wait)} ELSE ${recheck} END WHERE `,
        ).append(matchKeys(db.dialect, group));
        sql.add(` AND status IN (${WAITING}) AND (retry_at IS NULL OR retry_at <= ${now})`);
        const { attempt, generation } = group[0]!;
        if (attempt !== undefined) sql.add(" AND attempt = ?", attempt);
        if (generation !== undefined) sql.add(" AND generation = ?", generation);
        await connection.run(sql.text, sql.values);
      }
      const ids = db.dialect.isIn("id", unique(part.map((key) => key.taskId)));
      await connection.run(
        `UPDATE tasks SET published_at = ${now} WHERE ${ids.text} AND published_at IS NULL`,
        ids.values,
      );
    });
  }
}

export async function unpublish(db: Database): Promise<void> {
  await db.single((connection) =>
    connection.run(
      `UPDATE task_responses SET published = 0, due_at = ${db.dialect.now}
       WHERE ${openRows()} AND published = 1 AND status IN (${WAITING})`,
    ),
  );
}

export async function postpone(
  db: Database,
  rows: ReadonlyArray<SeenResponse & { ms: number; tell?: boolean }>,
): Promise<void> {
  const rounded = rows.map((row) => ({ ...row, ms: clampMs(Math.ceil(row.ms / ROUND_MS) * ROUND_MS) }));
  for (const part of chunks(rounded.sort(inKeyOrder), MAX_LIST)) {
    await db.write(async (connection) => {
      for (const group of groupBy(part, (row) => `${row.version} ${row.ms} ${row.tell}`).values()) {
        const tell = group[0]!.tell ? `, changed_at = ${db.dialect.now}` : "";
        const sql = new Sql(
          `UPDATE task_responses${db.dialect.byKey} SET due_at = ${db.dialect.nowPlus("?")}${tell} WHERE `,
          [group[0]!.ms],
        );
        sql.append(matchKeys(db.dialect, group)).add(" AND version = ? AND due_at IS NOT NULL", group[0]!.version);
        await connection.run(sql.text, sql.values);
      }
    });
  }
}

export function missResponses(db: Database, rows: readonly SeenResponse[]): Promise<void> {
  return end(db, rows, "status = 'missed', reason = 'expired'", "status = 'expected' AND cancel_at IS NULL");
}

export function withdrawResponses(db: Database, rows: readonly SeenResponse[]): Promise<void> {
  return end(
    db,
    rows,
    "status = 'cancelled', reason = 'cancelled'",
    `status IN (${WAITING}) AND cancel_at IS NOT NULL`,
  );
}

/** The reason for it was read a moment ago: who has opened, claimed or cancelled the response since then has moved its version. */
async function end(db: Database, rows: readonly SeenResponse[], set: string, where: string): Promise<void> {
  const { now } = db.dialect;
  for (const group of groupBy(rows, ({ version }) => version).values()) {
    for (const part of chunks([...group].sort(inKeyOrder), MAX_LIST)) {
      const sql = new Sql(
        `UPDATE task_responses${db.dialect.byKey} SET ${set}, finished_at = ${now}, retry_at = NULL, due_at = NULL, changed_at = ${now},
           version = version + 1 WHERE `,
      );
      sql.append(matchKeys(db.dialect, part)).add(` AND version = ? AND ${where}`, part[0]!.version);
      await db.single((connection) => connection.run(sql.text, sql.values));
    }
  }
}
