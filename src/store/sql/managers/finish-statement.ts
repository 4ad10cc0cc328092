import { FIRST_VERSION } from "../../../model/message";
import type { AttemptOutcome } from "../../../model/response";
import type { AttemptEnd, LateClaim } from "../../store";
import type { Connection, Dialect } from "../connection";
import { apartIn, matchRange, pickShared, Sql } from "../sql";
import { LENGTHS } from "../tables/types";
import { clampMs } from "../times";
import { underLease } from "./lease";

/**
 * A response that was given back is offered again after this, unless its message comes round
 * earlier.
 */
const RELEASED_RECHECK_MS = 1000;

/** How a response goes on after an attempt. */
export type Course = "final" | "retrying" | "received";

export function courseOf({ status }: AttemptEnd): Course {
  return status === "retrying" || status === "received" ? status : "final";
}

/** The outcome under which the history keeps an attempt that ended so. */
export function outcomeOf({ status }: AttemptEnd): AttemptOutcome {
  if (status === "retrying") return "failed";
  return status === "received" ? "released" : status;
}

/**
 * The UPDATE that ends attempts for good, each under its lease: ends of one range, each response
 * once.
 */
export function endStatement(dialect: Dialect, ends: readonly AttemptEnd[]): Sql {
  return updateOf(dialect).append(endingOf(dialect, ends)).add(" WHERE ").append(underLease(dialect, ends));
}

/**
 * The same for attempts that began before their claim: claim and end in one, of rows that nothing
 * has happened to, which were therefore never received. The ends are of one range and type; each
 * endpoint performed its own, or one manager all of them.
 */
export function lateEndStatement(dialect: Dialect, ends: ReadonlyArray<AttemptEnd & { claim: LateClaim }>): Sql {
  const by = apartIn(ends);
  const { type, performer } = ends[0]!.claim;
  // What was received together shares its lease, and most run equally long.
  const lease = pickShared(dialect, ends, ({ leaseId }) => leaseId, by);
  const ran = pickShared(dialect, ends, ({ claim }) => Math.max(0, Math.round(claim.ranMs)), by);
  const began = dialect.both("started_at", "received_at", dialect.nowPlus(`-(${ran.text})`));
  const update = updateOf(dialect).add("lease_id = ").append(lease);
  update.add(", manager_id = ").append(pickShared(dialect, ends, ({ claim }) => claim.managerId, by));
  if (ends.some(({ claim }) => claim.performer !== performer)) update.add(", performer = endpoint");
  else update.add(", performer = ?", performer);
  update.add(`, attempt = attempt + 1, ${began}, `, ...ran.values).append(endingOf(dialect, ends));
  update.add(" WHERE ").append(matchRange(dialect, ends)).add(" AND type = ?", type);
  return update.add(` AND version = ${FIRST_VERSION} AND delay_until IS NULL`);
}

/**
 * The UPDATE after an attempt that another one follows. A response with a requested cancel is
 * cancelled instead.
 */
export function goOnStatement(dialect: Dialect, course: "retrying" | "received", ends: readonly AttemptEnd[]): Sql {
  const { now, nowPlus } = dialect;
  const by = apartIn(ends);
  const update = updateOf(dialect);
  const set = (column: string, going: Sql | string, cancelled: string) => {
    const { text, values } = typeof going === "string" ? new Sql(going) : going;
    update.add(`${column} = CASE WHEN cancel_at IS NULL THEN ${text} ELSE ${cancelled} END, `, ...values);
  };
  set("status", `'${course}'`, "'cancelled'");
  set("finished_at", "NULL", now);
  if (course === "retrying") {
    const ms = pickShared(dialect, ends, ({ retryInMs }) => clampMs(retryInMs ?? 0), by);
    const again = new Sql(nowPlus(ms.text), ms.values);
    set("reason", pickShared(dialect, ends, reasonOf, by), "'cancelled'");
    set("retry_at", again, "NULL");
    set("due_at", again, "NULL");
    update
      .add("error = ")
      .append(pickShared(dialect, ends, ({ error }) => error, by))
      .add(", published = 0, ");
  } else {
    set("reason", "NULL", "'cancelled'");
    set("due_at", nowPlus(`${RELEASED_RECHECK_MS}`), "NULL");
    update.add("attempt = attempt - 1, started_at = NULL, published = 1, ");
  }
  update.add(`changed_at = ${now}, timeout_at = NULL, version = version + 1 WHERE `);
  return update.append(underLease(dialect, ends));
}

/**
 * Puts attempts into the history, from the rows as they stand. What a repetition finds there stays
 * as it is.
 */
export async function recordAttempts(connection: Connection, ends: readonly AttemptEnd[]): Promise<void> {
  const { dialect } = connection;
  const by = apartIn(ends);
  const sql = new Sql(
    `INSERT INTO task_attempts (task_id, endpoint, job, generation, attempt, lease_id, outcome, reason, error, result, result_text,
       performer, manager_id, started_at, finished_at)
     SELECT task_id, endpoint, job, generation, attempt, lease_id, '${outcomeOf(ends[0]!)}', `,
  );
  for (const [, valueIn] of CONTENTS) sql.append(pickShared(dialect, ends, valueIn, by)).add(", ");
  sql.add(`performer, manager_id, started_at, ${dialect.now} FROM task_responses WHERE `);
  sql.append(underLease(dialect, ends));
  try {
    await connection.run(sql.text, sql.values);
  } catch (error) {
    if (!dialect.isDuplicate(error)) throw error;
    if (ends.length > 1) for (const end of ends) await recordAttempts(connection, [end]);
  }
}

function updateOf({ byKey }: Dialect): Sql {
  return new Sql(`UPDATE task_responses${byKey} SET `);
}

/** `changed_at` stays: who follows the changes finds an end by `finished_at`. */
function endingOf(dialect: Dialect, ends: readonly AttemptEnd[]): Sql {
  const by = apartIn(ends);
  const status = pickShared(dialect, ends, ({ status }) => status, by);
  const set = new Sql("status = ").append(status).add(", ");
  for (const [column, valueIn] of CONTENTS)
    set
      .add(`${column} = `)
      .append(pickShared(dialect, ends, valueIn, by))
      .add(", ");
  set.add("progress = CASE WHEN ").append(status).add(" = 'succeeded' THEN 1 ELSE progress END, ");
  return set.add(`finished_at = ${dialect.now}, due_at = NULL, timeout_at = NULL, version = version + 1`);
}

/** What an end says, by column. */
export const CONTENTS: ReadonlyArray<[column: string, valueIn: (end: AttemptEnd) => string | null]> = [
  ["reason", reasonOf],
  ["error", ({ error }) => error],
  ["result", ({ result }) => result],
  ["result_text", ({ resultText }) => resultText],
];

export function reasonOf({ reason }: AttemptEnd): string | null {
  if (reason === null || reason.length <= LENGTHS.text) return reason;
  return Array.from(reason).slice(0, LENGTHS.text).join("");
}
