import { groupBy } from "../../../group-by";
import { isId } from "../../../model/ids";
import type { ResponseKey } from "../../../model/response";
import type { AttemptEnd, EndAnswer, LateClaim } from "../../store";
import { bisect } from "../bisect";
import type { Connection, Database } from "../connection";
import { fitting } from "../size";
import { chunks, eachOnce, inKeyOrder, keyText, MAX_LIST, rangesOf } from "../sql";
import { claimStatement } from "./claim-statement";
import {
  CONTENTS,
  type Course,
  courseOf,
  endStatement,
  goOnStatement,
  lateEndStatement,
  recordAttempts,
} from "./finish-statement";
import { runOn, underLease } from "./lease";
import { answerUnmatched } from "./unmatched";

/**
 * Ends attempts under their leases: a compare-and-set on (key, lease, running). Nearly always every
 * row matches, and one UPDATE a group suffices. Otherwise the rows are read to distinguish "already
 * committed" from "the lease was lost".
 */
export async function finishAttempts(db: Database, ends: readonly AttemptEnd[]): Promise<EndAnswer[]> {
  const answers = new Map<AttemptEnd, EndAnswer>();
  const valid = ends.filter(isPossible).sort(inKeyOrder);
  for (const part of chunks(valid, MAX_LIST)) {
    await bisect(
      db.dialect,
      part,
      (rows) => finishBatch(db, rows, answers),
      (end, error) => answers.set(end, { kind: "refused", error }),
    );
  }
  return ends.map((end) => answers.get(end) ?? { kind: "refused", error: new Error(NO_ID) });
}

/** Most ends with differing values in one statement; up to FEW different values are cheap. */
const MOST_DIFFERING = 100;
const FEW = 10;
const NO_ID = "The task's id or the lease is not one of tasker's ids, or a count is not a number.";

function isPossible({ taskId, leaseId, generation, attempt, retryInMs = 0, claim }: AttemptEnd): boolean {
  return isId(taskId) && isId(leaseId) && [generation, attempt, retryInMs, claim?.ranMs ?? 0].every(Number.isFinite);
}

async function finishBatch(
  db: Database,
  ends: readonly AttemptEnd[],
  answers: Map<AttemptEnd, EndAnswer>,
): Promise<void> {
  const groups = groupsOf(ends);
  // A single UPDATE is its own transaction.
  const transaction = groups.length === 1 && courseOf(ends[0]!) === "final" ? db.single.bind(db) : db.write.bind(db);
  const unmatched = await transaction(async (connection) => {
    const unmatched: AttemptEnd[] = [];
    for (const group of groups) {
      const contents = ({ result, resultText, error }: AttemptEnd) => [result, resultText, error];
      const { runs, tooLarge } = fitting(group, contents, connection.maxBytes);
      for (const { row, error } of tooLarge) answers.set(row, { kind: "refused", error });
      for (const run of runs) {
        for (const end of run) answers.set(end, { kind: "recorded" });
        unmatched.push(...(await finishRun(connection, run)));
      }
    }
    return unmatched;
  });
  if (unmatched.length > 0) await db.write((connection) => answerUnmatched(connection, unmatched, answers));
}

/**
 * Ends that one statement can take, which are of one range and course. Two reports for one response
 * cannot share it.
 */
function groupsOf(ends: readonly AttemptEnd[]): AttemptEnd[][] {
  return eachOnce(ends)
    .flatMap((list) => [...groupBy(list, (end) => `${courseOf(end)} ${lateKindOf(end)}`).values()])
    .flatMap((kind) => rangesOf(kind))
    .flatMap((range) => chunks(range, mostOf(range)));
}

/** What an endpoint performed itself can share a statement with other endpoints' own. */
function lateKindOf({ endpoint, claim }: AttemptEnd): string {
  if (!claim) return "";
  const { managerId, performer, type } = claim;
  return performer === endpoint ? `late ${type}` : `late ${type} ${performer} ${managerId}`;
}

/** A CASE selects differing values; its time grows with their square. */
function mostOf(ends: readonly AttemptEnd[]): number {
  return CONTENTS.every(([, valueIn]) => hasFew(ends, valueIn)) ? MAX_LIST : MOST_DIFFERING;
}

function hasFew(ends: readonly AttemptEnd[], valueIn: (end: AttemptEnd) => unknown): boolean {
  const values = new Set<unknown>();
  return ends.every((end) => values.add(valueIn(end)).size <= FEW);
}

/** Returns the ends that have to be looked at: none when every row matched. */
async function finishRun(connection: Connection, run: readonly AttemptEnd[]): Promise<readonly AttemptEnd[]> {
  const { dialect } = connection;
  const course = courseOf(run[0]!);
  if (isLate(run)) {
    if (course === "final" && (await runOn(connection, run.length, lateEndStatement(dialect, run))) === run.length)
      return [];
    // What has just ended stands under its lease, and is found so.
    await claimLate(connection, run);
  }
  if (course !== "final") return goOn(connection, course, run);
  return (await runOn(connection, run.length, endStatement(dialect, run))) === run.length ? [] : run;
}

function isLate(run: readonly AttemptEnd[]): run is ReadonlyArray<AttemptEnd & { claim: LateClaim }> {
  return run[0]!.claim !== undefined;
}

/**
 * Claims what can still be claimed as the attempt that it was, under the lease that it ran under.
 */
async function claimLate(connection: Connection, run: ReadonlyArray<AttemptEnd & { claim: LateClaim }>): Promise<void> {
  const wanted = run.map(({ taskId, endpoint, job, generation, attempt, leaseId, claim }) => ({
    ...{ taskId, endpoint, job, generation, attempt, leaseId, orAnybody: false },
    ...{ type: claim.type, managerId: claim.managerId, performer: claim.performer },
  }));
  await runOn(connection, wanted.length, claimStatement(connection.dialect, wanted, true));
}

/** Locks the rows, records the attempts from them as they stand, then changes them. */
async function goOn(
  connection: Connection,
  course: Exclude<Course, "final">,
  run: readonly AttemptEnd[],
): Promise<readonly AttemptEnd[]> {
  const { dialect } = connection;
  const where = underLease(dialect, run);
  const locked = await connection.query<ResponseKey>(
    `SELECT task_id AS taskId, endpoint, job FROM task_responses${dialect.byKey}
     WHERE ${where.text} ORDER BY task_id, endpoint${dialect.forUpdate}`,
    where.values,
  );
  const held = new Set(locked.map(keyText));
  const ours = run.filter((end) => held.has(keyText(end)));
  if (ours.length > 0) {
    await recordAttempts(connection, ours);
    await runOn(connection, ours.length, goOnStatement(dialect, course, ours));
  }
  return run.filter((end) => !held.has(keyText(end)));
}
