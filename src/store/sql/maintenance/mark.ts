import { groupBy } from "../../../group-by";
import { isId } from "../../../model/ids";
import type { ResponseKey } from "../../../model/response";
import type { SeenResponse } from "../../store";
import { clocksOver, endsNow, openRows, WAITING } from "../conditions";
import type { Connection, Database } from "../connection";
import { chunks, inKeyOrder, MAX_LIST, Sql, unique } from "../sql";
import { RESPONSES } from "../tables/responses";
import { clampMs } from "../times";
import { updateResponses } from "../update-responses";

const KEY = RESPONSES.select("", { only: ["taskId", "endpoint", "job"] });
const PAGE = 2000;
const EARLIEST = "1000-01-01 00:00:00.000";

/** Waits are rounded up to this, so that rows with nearly the same wait share a statement. */
const ROUND_MS = 50;

/**
 * Makes a published, unclaimed response due after `recheckMs`, or earlier if the task's wait for
 * its endpoints ends. A late confirm says nothing about the next attempt or generation.
 */
export async function markPublished(
  db: Database,
  keys: ReadonlyArray<ResponseKey & { attempt?: number; generation?: number }>,
  recheckMs: number,
): Promise<void> {
  const { now, nowPlus, least } = db.dialect;
  const recheck = nowPlus(String(clampMs(recheckMs)));
  const wait = "(SELECT t.wait_until FROM tasks t WHERE t.id = task_responses.task_id)";
  const set = `published = 1, due_at = CASE WHEN ${wait} > ${now} THEN ${least(recheck, wait)} ELSE ${recheck} END`;
  for (const part of chunks(keys.filter((key) => isId(key.taskId)).sort(inKeyOrder), MAX_LIST)) {
    await db.write(async (connection) => {
      for (const group of groupBy(part, (key) => `${key.attempt} ${key.generation}`).values()) {
        const { attempt, generation } = group[0]!;
        const and = new Sql(`status IN (${WAITING}) AND (retry_at IS NULL OR retry_at <= ${now})`);
        if (attempt !== undefined) and.add(" AND attempt = ?", attempt);
        if (generation !== undefined) and.add(" AND generation = ?", generation);
        await updateResponses(connection, group, new Sql(set), and);
      }
      const ids = db.dialect.isIn("id", unique(part.map((key) => key.taskId)));
      await connection.run(
        `UPDATE tasks SET published_at = ${now} WHERE ${ids.text} AND published_at IS NULL`,
        ids.values,
      );
    });
  }
}

/**
 * Page by page, along the due index: a million rows in one statement would not end within its
 * deadline. Rows of a page become due now, which puts them before the pages that are left.
 */
export async function markUnpublished(db: Database): Promise<void> {
  const where = `published = 1 AND status IN (${WAITING})`;
  for (let from = EARLIEST; ; ) {
    const rows = await db.write(async (connection) => {
      const page = await connection.query<ResponseKey & { due_at: string }>(
        `SELECT ${KEY}, due_at FROM task_responses${connection.dialect.by("task_responses_agenda")}
         WHERE finished_at IS NULL AND due_at >= ? AND ${where} ORDER BY due_at LIMIT ?`,
        [from, PAGE],
      );
      const due = new Sql(`published = 0, due_at = ${connection.dialect.now}`);
      await updateResponses(connection, page, due, new Sql(where));
      return page;
    });
    if (rows.length < PAGE) return;
    from = rows.at(-1)!.due_at;
  }
}

/** Makes a type's waiting responses due for publishing. */
export async function markTypeUnpublished(connection: Connection, type: string): Promise<void> {
  const { now } = connection.dialect;
  await connection.run(
    `UPDATE task_responses SET due_at = ${now}, published = 0
     WHERE ${openRows()} AND type = ? AND status IN (${WAITING}) AND ${clocksOver(now)}`,
    [type],
  );
}

export async function postpone(
  db: Database,
  rows: ReadonlyArray<SeenResponse & { ms: number; touch?: boolean }>,
): Promise<void> {
  const { now, nowPlus } = db.dialect;
  const rounded = rows.map((row) => ({ ...row, ms: clampMs(Math.ceil(row.ms / ROUND_MS) * ROUND_MS) }));
  for (const part of chunks(rounded.sort(inKeyOrder), MAX_LIST)) {
    await db.write(async (connection) => {
      for (const group of groupBy(part, (row) => `${row.version} ${row.ms} ${row.touch}`).values()) {
        const { version, ms, touch } = group[0]!;
        const set = new Sql(`due_at = ${nowPlus("?")}${touch ? `, changed_at = ${now}` : ""}`, [ms]);
        await updateResponses(connection, group, set, new Sql("version = ? AND due_at IS NOT NULL", [version]));
      }
    });
  }
}

export function markMissed(db: Database, rows: readonly SeenResponse[]): Promise<void> {
  return end(db, rows, "status = 'missed', reason = 'expired'", "status = 'expected' AND cancel_at IS NULL");
}

export function withdraw(db: Database, rows: readonly SeenResponse[]): Promise<void> {
  const which = `status IN (${WAITING}) AND cancel_at IS NOT NULL`;
  return end(db, rows, "status = 'cancelled', reason = 'cancelled'", which);
}

/** A claim, a cancel or a retry since the row was read has changed its version. */
async function end(db: Database, rows: readonly SeenResponse[], set: string, which: string): Promise<void> {
  const assignments = new Sql(`${set}, ${endsNow(db.dialect.now)}`);
  for (const [version, group] of groupBy(rows, (row) => row.version)) {
    for (const part of chunks([...group].sort(inKeyOrder), MAX_LIST))
      await db.single((connection) =>
        updateResponses(connection, part, assignments, new Sql(`version = ? AND ${which}`, [version])),
      );
  }
}
