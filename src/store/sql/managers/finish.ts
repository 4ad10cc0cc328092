import { isId } from "../../../model/ids";
import type { AttemptOutcome, ResponseStatus } from "../../../model/response";
import type { AttemptEnd, EndAnswer } from "../../store";
import { bisect } from "../bisect";
import type { Connection, Database, Value } from "../connection";
import { nowOf } from "../rows";
import { fitting } from "../size";
import { chunks, groupBy, inKeyOrder, keyText, matchKeys, pick, Sql } from "../sql";
import { clampMs } from "../times";
import { claimLate, type LateEntry, lateSet, lateWhere } from "./late";
import { underLease } from "./lease";
import { finishLone } from "./lone";

/** A row given back is offered again after this, unless its message comes round earlier. */
const RELEASED_RECHECK_MS = 1000;
const MAX_REASON = 190;

interface Entry {
  index: number;
  end: AttemptEnd;
  /** Of AttemptEnd, so that `pick` finds it. */
  taskId: string;
}

type Kind = "final" | "retrying" | "received";

/**
 * Ends attempts under their leases: a compare-and-set on (key, lease, running). Nearly always every row matches, and one
 * UPDATE a group is all. Where one does not, the rows are read to tell "it stands already" from "the lease was lost"; the
 * latter is kept as a superseded attempt and touches nothing else.
 */
export async function finishAttempts(db: Database, ends: readonly AttemptEnd[]): Promise<EndAnswer[]> {
  if (ends.length === 1 && (ends[0]!.reason?.length ?? 0) <= MAX_REASON && (await finishLone(db, ends[0]!)))
    return [{ kind: "recorded" }];
  const answers = new Array<EndAnswer>(ends.length);
  const entries = ends.map((end, index) => ({ index, end: withShortReason(end), taskId: end.taskId }));
  const valid = entries.filter(({ end, index }) => {
    if (isId(end.taskId) && isId(end.leaseId)) return true;
    answers[index] = { kind: "refused", error: new Error("The task's id or the lease is not one of tasker's ids.") };
    return false;
  });
  for (const part of chunks(
    valid.sort((a, b) => inKeyOrder(a.end, b.end)),
    100,
  )) {
    await bisect(
      db.dialect,
      part,
      (rows) => finishBatch(db, rows, answers),
      ({ index }, error) => {
        answers[index] = { kind: "refused", error };
      },
    );
  }
  return answers;
}

async function finishBatch(db: Database, entries: readonly Entry[], answers: EndAnswer[]): Promise<void> {
  const groups = [
    ...groupBy(entries, ({ end }) => `${kindOf(end)} ${end.endpoint} ${end.job}${claimKey(end)}`).values(),
  ];
  const runs = groups.flatMap(withoutTwins);
  // A lone UPDATE is its own transaction.
  const alone = runs.length === 1 && kindOf(entries[0]!.end) === "final";
  const lost = await (alone ? db.single.bind(db) : db.write.bind(db))(async (connection) => {
    const missed: Entry[] = [];
    for (const group of runs) {
      const { runs, tooLarge } = fitting(
        group,
        ({ end }) => [end.result, end.resultText, end.error],
        connection.maxBytes,
      );
      for (const { row, error } of tooLarge) answers[row.index] = { kind: "refused", error };
      for (const run of runs) missed.push(...(await finishGroup(connection, run)));
      for (const run of runs) for (const { index } of run) answers[index] = { kind: "recorded" };
    }
    return missed;
  });
  if (lost.length > 0) await db.write((connection) => explain(connection, lost, answers));
}

/** The entries of a run that must be looked at; none when every row matched. */
async function finishGroup(connection: Connection, run: readonly Entry[]): Promise<readonly Entry[]> {
  const kind = kindOf(run[0]!.end);
  if (isLate(run)) {
    if (kind === "final" && (await finishLate(connection, run)) === run.length) return [];
    // What has just ended stands under its lease, and is found so.
    await claimLate(connection, run);
  }
  const where = underLease(connection.dialect, run.map(leaseOf));
  if (kind !== "final") {
    // Lock, record the attempts from the rows as they stand, then change them.
    const locked = await connection.query<{ task_id: string }>(
      `SELECT task_id FROM task_responses${connection.dialect.byKey} WHERE ${where.text} ORDER BY task_id${connection.dialect.forUpdate}`,
      where.values,
    );
    if (locked.length < run.length) {
      const held = new Set(locked.map((row) => row.task_id));
      const kept = run.filter(({ taskId }) => held.has(taskId));
      if (kept.length > 0) await finishGroup(connection, kept);
      return run.filter(({ taskId }) => !held.has(taskId));
    }
    const outcome = kind === "received" ? "released" : "failed";
    await recordAttempts(connection, run, outcome);
  }
  const update = updateOf(connection, kind, run);
  update.add(" WHERE ").append(where);
  return (await connection.run(update.text, update.values)) === run.length ? [] : run;
}

/** A run has either all of its claims or none. */
function isLate(run: readonly Entry[]): run is ReadonlyArray<Entry & LateEntry> {
  return run[0]!.end.claim !== undefined;
}

function claimKey({ claim }: AttemptEnd): string {
  return claim ? ` ${claim.managerId} ${claim.performer} ${claim.type}` : "";
}

function finishLate(connection: Connection, run: ReadonlyArray<Entry & LateEntry>): Promise<number> {
  const update = updateOf(connection, "final", run, lateSet(connection.dialect, run));
  update.add(" WHERE ").append(lateWhere(connection.dialect, run));
  return connection.run(update.text, update.values);
}

function updateOf(connection: Connection, kind: Kind, run: readonly Entry[], first = new Sql()): Sql {
  const { now, nowPlus, byKey } = connection.dialect;
  const sql = new Sql(`UPDATE task_responses${byKey} SET `).append(first);
  const set = (column: string, valueIn: (entry: Entry) => Value) =>
    sql.add(`${column} = `).append(pick(run, valueIn)).add(", ");
  if (kind === "final") {
    set("status", ({ end }) => end.status);
    // What is empty is empty since the claim.
    for (const [column, valueIn] of CONTENTS) if (run.some((entry) => valueIn(entry) !== null)) set(column, valueIn);
    const done = run.filter(({ end }) => end.status === "succeeded").length;
    if (done === run.length) sql.add("progress = 1, ");
    else if (done > 0) {
      sql.add("progress = CASE WHEN ").append(pick(run, ({ end }) => (end.status === "succeeded" ? 1 : 0)));
      sql.add(" = 1 THEN 1 ELSE progress END, ");
    }
    // In the index of changes it stays where it was: whoever follows them finds an end by this.
    sql.add(`finished_at = ${now}, due_at = NULL, `);
  } else {
    // Told to cancel, what would go on is cancelled instead.
    const unless = (text: string) => `CASE WHEN cancel_at IS NULL THEN ${text} ELSE`;
    sql.add(`status = ${unless(`'${kind}'`)} 'cancelled' END, finished_at = ${unless("NULL")} ${now} END, `);
    if (kind === "retrying") {
      const ms = pick(run, ({ end }) => clampMs(end.retryInMs ?? 0));
      const again = nowPlus(ms.text);
      const reason = pick(run, ({ end }) => end.reason);
      sql.add(`reason = ${unless(reason.text)} 'cancelled' END, `, ...reason.values);
      set("error", ({ end }) => end.error);
      sql.add(`retry_at = ${unless(again)} NULL END, `, ...ms.values);
      sql.add(`due_at = ${unless(again)} NULL END, published = 0, `, ...ms.values);
    } else {
      sql.add(`reason = ${unless("NULL")} 'cancelled' END, attempt = attempt - 1, started_at = NULL, `);
      sql.add(`due_at = ${unless(nowPlus(`${RELEASED_RECHECK_MS}`))} NULL END, published = 1, `);
    }
    sql.add(`changed_at = ${now}, `);
  }
  return sql.add("timeout_at = NULL, version = version + 1");
}

/** From the rows as they stand. What a repetition finds recorded stays as it is. */
async function recordAttempts(connection: Connection, run: readonly Entry[], outcome: AttemptOutcome): Promise<void> {
  const sql = new Sql(
    `INSERT INTO task_attempts (task_id, endpoint, job, generation, attempt, lease_id, outcome, reason, error, result, result_text,
       performer, manager_id, started_at, finished_at)
     SELECT task_id, endpoint, job, generation, attempt, lease_id, '${outcome}', `,
  );
  for (const valueIn of [reasonOf, errorOf, resultOf, resultTextOf]) sql.append(pick(run, valueIn)).add(", ");
  sql.add(`performer, manager_id, started_at, ${connection.dialect.now} FROM task_responses WHERE `);
  sql.append(underLease(connection.dialect, run.map(leaseOf)));
  try {
    await connection.run(sql.text, sql.values);
  } catch (error) {
    if (!connection.dialect.isDuplicate(error)) throw error;
    if (run.length > 1) for (const entry of run) await recordAttempts(connection, [entry], outcome);
  }
}

const leaseOf = ({ end }: Entry) => end;
const reasonOf = ({ end }: Entry) => end.reason;
const errorOf = ({ end }: Entry) => end.error;
const resultOf = ({ end }: Entry) => end.result;
const resultTextOf = ({ end }: Entry) => end.resultText;
const CONTENTS = [
  ["reason", reasonOf],
  ["error", errorOf],
  ["result", resultOf],
  ["result_text", resultTextOf],
] as const;

interface Standing {
  task_id: string;
  endpoint: string;
  job: string;
  status: string;
  lease_id: string | null;
  performer: string | null;
}

async function explain(connection: Connection, entries: readonly Entry[], answers: EndAnswer[]): Promise<void> {
  const keys = entries.map(({ end }) => end);
  const where = matchKeys(connection.dialect, keys);
  const rows = await connection.query<Standing>(
    `SELECT task_id, endpoint, job, status, lease_id, performer FROM task_responses WHERE ${where.text}`,
    where.values,
  );
  const recorded = await connection.query<{
    task_id: string;
    endpoint: string;
    job: string;
    lease_id: string;
    outcome: string;
  }>(`SELECT task_id, endpoint, job, lease_id, outcome FROM task_attempts WHERE ${where.text}`, where.values);
  const standing = new Map(rows.map((row) => [`${row.task_id} ${row.endpoint} ${row.job}`, row]));
  const past = new Set(
    recorded.map((row) => `${row.task_id} ${row.endpoint} ${row.job} ${row.lease_id} ${row.outcome}`),
  );
  for (const { end, index } of entries) {
    const row = standing.get(keyText(end));
    const stands =
      row?.lease_id === end.leaseId &&
      (row.status === end.status || (kindOf(end) !== "final" && row.status === "cancelled"));
    if (stands || past.has(`${keyText(end)} ${end.leaseId} ${outcomeOf(end.status)}`)) {
      answers[index] = { kind: "recorded" };
      continue;
    }
    answers[index] = { kind: "superseded" };
    if (row) await keepSuperseded(connection, end, row.performer);
  }
}

/** The outcome under which a repeated report is found among the attempts. */
function outcomeOf(status: ResponseStatus): AttemptOutcome {
  return status === "received" ? "released" : status === "retrying" ? "failed" : (status as AttemptOutcome);
}

async function keepSuperseded(connection: Connection, end: AttemptEnd, performer: string | null): Promise<void> {
  await connection.insert(
    "task_attempts",
    [
      ...["task_id", "endpoint", "job", "generation", "attempt", "lease_id", "outcome", "reason", "error", "result"],
      ...["result_text", "performer", "finished_at"],
    ],
    [
      [
        ...[
          end.taskId,
          end.endpoint,
          end.job,
          end.generation,
          end.attempt,
          end.leaseId,
          "superseded",
          end.reason,
          end.error,
        ],
        ...[end.result, end.resultText, performer, await nowOf(connection)],
      ],
    ],
    "keep",
  );
}

function kindOf(end: AttemptEnd): Kind {
  return end.status === "retrying" || end.status === "received" ? end.status : "final";
}

/** Two reports for one task cannot share a CASE: each of them goes into a run of its own. */
function withoutTwins(group: Entry[]): Entry[][] {
  const runs: Array<{ seen: Set<string>; entries: Entry[] }> = [];
  for (const entry of group) {
    let run = runs.find(({ seen }) => !seen.has(entry.taskId));
    if (!run) {
      run = { seen: new Set(), entries: [] };
      runs.push(run);
    }
    run.seen.add(entry.taskId);
    run.entries.push(entry);
  }
  return runs.map(({ entries }) => entries);
}

function withShortReason(end: AttemptEnd): AttemptEnd {
  if (end.reason === null || end.reason.length <= MAX_REASON) return end;
  return { ...end, reason: Array.from(end.reason).slice(0, MAX_REASON).join("") };
}
