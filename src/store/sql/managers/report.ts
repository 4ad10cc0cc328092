import { groupBy } from "../../../group-by";
import { isId } from "../../../model/ids";
import { ANY_ENDPOINT } from "../../../model/names";
import type { LeaseRef, LeaseState, Waiting } from "../../store";
import type { Database } from "../connection";
import { CONFIRM_AFTER_MS } from "../due-times";
import { apartIn, chunks, eachOnce, inKeyOrder, keyText, matchKeys, pick, pickShared, rangesOf, Sql } from "../sql";
import { LENGTHS } from "../tables/types";
import { clampMs } from "../times";
import { isKey, underLease } from "./lease";

/** What waits at the endpoints. A task of `deliver: one` waits under ANY_ENDPOINT. */
export async function markReceived(db: Database, waiting: readonly Waiting[]): Promise<void> {
  const tasks = waiting.flatMap(({ endpoint, tasks }) => tasks.map((task) => ({ ...task, endpoint })));
  const valid = tasks.filter((task) => isKey(task) && Number.isSafeInteger(task.generation ?? 0));
  const groups = [...groupBy(valid.sort(inKeyOrder), ({ generation }) => generation).values()];
  for (const part of groups.flatMap((group) => chunks(group, 200))) {
    const keys = part.flatMap(({ taskId, endpoint, job }) => [
      { taskId, endpoint, job },
      { taskId, endpoint: ANY_ENDPOINT, job },
    ]);
    const { now } = db.dialect;
    const sql = new Sql(
      `UPDATE task_responses${db.dialect.byKey} SET status = 'received', received_at = COALESCE(received_at, ${now}), changed_at = ${now},
         version = version + 1 WHERE `,
    ).append(matchKeys(db.dialect, keys.sort(inKeyOrder)));
    sql.add(" AND status = 'expected' AND cancel_at IS NULL");
    const { generation } = part[0]!;
    if (generation != null) sql.add(" AND generation <= ?", generation);
    await db.single((connection) => connection.run(sql.text, sql.values));
  }
}

/** Brings the reconciler's visit forward. */
export async function reportUnderWay(db: Database, leases: readonly LeaseRef[]): Promise<void> {
  const { now, byKey } = db.dialect;
  for (const part of eachOnce(latestOf(leases)).flatMap((list) => chunks(list, 100))) {
    const sql = new Sql(`UPDATE task_responses${byKey} SET due_at = ${now} WHERE `);
    sql.append(underLease(db.dialect, part)).add(` AND due_at > ${now}`);
    await db.single((connection) => connection.run(sql.text, sql.values));
  }
}

type Progress = LeaseRef & { progress: number; message: string | null };

export async function reportProgress(db: Database, reports: readonly Progress[]): Promise<void> {
  for (const part of partsOf(reports)) {
    const { now } = db.dialect;
    const by = apartIn(part);
    const sql = new Sql(`UPDATE task_responses${db.dialect.byKey} SET progress = `).append(
      pick(part, (report) => fraction(report.progress), by),
    );
    sql.add(", progress_message = ").append(pick(part, (report) => cut(report.message), by));
    sql.add(`, changed_at = ${now}, version = version + 1 WHERE `).append(underLease(db.dialect, part));
    await db.single((connection) => connection.run(sql.text, sql.values));
  }
}

/** What one statement can take. */
function partsOf<T extends LeaseRef>(reports: readonly T[]): T[][] {
  return eachOnce(latestOf(reports))
    .flatMap((list) => rangesOf(list))
    .flatMap((range) => chunks(range, 100));
}

/** In the order of their keys. Of several under one lease the last counts. */
function latestOf<T extends LeaseRef>(reports: readonly T[]): T[] {
  const valid = reports.filter((report) => isKey(report) && isId(report.leaseId));
  const latest = new Map(valid.map((report) => [`${keyText(report)} ${report.leaseId}`, report]));
  return [...latest.values()].sort(inKeyOrder);
}

function fraction(progress: number): number {
  return Number.isFinite(progress) ? Math.min(1, Math.max(0, progress)) : 0;
}

function cut(message: string | null): string | null {
  return message === null ? null : Array.from(message).slice(0, LENGTHS.message).join("");
}

interface CheckedRow {
  task_id: string;
  endpoint: string;
  job: string;
  lease_id: string | null;
  cancel_at: string | null;
  is_overdue: number | null;
}

export async function checkLeases(db: Database, leases: readonly LeaseRef[]): Promise<LeaseState[]> {
  const found = new Map<string, CheckedRow>();
  const late = db.dialect.nowPlus(`-${CONFIRM_AFTER_MS}`);
  for (const part of chunks(leases.filter(isKey), 200)) {
    const where = matchKeys(db.dialect, part);
    const rows = await db.read((connection) =>
      connection.query<CheckedRow>(
        `SELECT task_id, endpoint, job, lease_id, cancel_at, timeout_at < ${late} AS is_overdue
         FROM task_responses WHERE ${where.text} AND status = 'running'`,
        where.values,
      ),
    );
    for (const row of rows) found.set(`${row.task_id} ${row.endpoint} ${row.job}`, row);
  }
  return leases.map((lease) => {
    const row = found.get(keyText(lease));
    if (row?.lease_id !== lease.leaseId) return "lost";
    if (row.cancel_at !== null) return "cancel";
    return Number(row.is_overdue) === 1 ? "overdue" : "held";
  });
}

/** The version moves, so that a reconciler that has just seen it overdue does not end the lease. */
export async function confirmLeases(db: Database, leases: ReadonlyArray<LeaseRef & { leftMs: number }>): Promise<void> {
  const { nowPlus, byKey } = db.dialect;
  for (const part of partsOf(leases)) {
    const left = pickShared(db.dialect, part, ({ leftMs }) => clampMs(leftMs), apartIn(part));
    const until = new Sql(nowPlus(left.text), left.values);
    const sql = new Sql(`UPDATE task_responses${byKey} SET timeout_at = `).append(until);
    sql.add(", due_at = ").append(until).add(", version = version + 1 WHERE ").append(underLease(db.dialect, part));
    await db.single((connection) => connection.run(sql.text, sql.values));
  }
}
