import { groupBy } from "../../../group-by";
import { isId } from "../../../model/ids";
import type { AttemptEnd, Claim, EndAnswer, LateClaim } from "../../store";
import { bisect } from "../bisect";
import type { Connection, Database } from "../connection";
import { fitting } from "../size";
import { chunks, inKeyOrder, keyText } from "../sql";
import { claimStatement } from "./claim-statement";
import {
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
 * row matches, and one UPDATE a group is all. Where one does not, the rows are read to tell "it
 * stands already" from "the lease was lost".
 */
export async function finishAttempts(db: Database, ends: readonly AttemptEnd[]): Promise<EndAnswer[]> {
  const answers = new Map<AttemptEnd, EndAnswer>();
  const valid = ends.filter((end) => isId(end.taskId) && isId(end.leaseId)).sort(inKeyOrder);
  for (const part of chunks(valid, 100)) {
    await bisect(
      db.dialect,
      part,
      (rows) => finishBatch(db, rows, answers),
      (end, error) => answers.set(end, { kind: "refused", error }),
    );
  }
  return ends.map((end) => answers.get(end) ?? { kind: "refused", error: new Error(NO_ID) });
}

const NO_ID = "The task's id or the lease is not one of tasker's ids.";

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

/** Ends that one statement can take. Two reports for one response cannot share it. */
function groupsOf(ends: readonly AttemptEnd[]): AttemptEnd[][] {
  if (ends.length === 1) return [[...ends]];
  const seen = new Set<string>();
  const again: AttemptEnd[] = [];
  const first = ends.filter((end) => {
    const key = end.job === "" ? end.taskId : keyText(end);
    if (!seen.has(key)) return seen.add(key);
    again.push(end);
    return false;
  });
  const groups = groupBy(first, (end) => {
    const { endpoint, job, claim } = end;
    const late = claim ? ` ${claim.managerId} ${claim.performer} ${claim.type}` : "";
    return `${courseOf(end)} ${endpoint} ${job}${late}`;
  });
  return [...groups.values(), ...(again.length > 0 ? groupsOf(again) : [])];
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
  const { managerId, performer, type } = run[0]!.claim;
  for (const [leaseId, group] of groupBy(run, (end) => end.leaseId)) {
    const claims = group.map(
      ({ taskId, job, generation, attempt }): Claim => ({ taskId, job, type, generation, attempt }),
    );
    const claimant = { leaseId, managerId, endpoint: performer, ended: true };
    await runOn(connection, claims.length, claimStatement(connection.dialect, claimant, claims));
  }
}

/** Locks the rows, records the attempts from them as they stand, then changes them. */
async function goOn(
  connection: Connection,
  course: Exclude<Course, "final">,
  run: readonly AttemptEnd[],
): Promise<readonly AttemptEnd[]> {
  const { dialect } = connection;
  const where = underLease(dialect, run);
  const locked = await connection.query<{ task_id: string }>(
    `SELECT task_id FROM task_responses${dialect.byKey} WHERE ${where.text} ORDER BY task_id${dialect.forUpdate}`,
    where.values,
  );
  const held = new Set(locked.map((row) => row.task_id));
  const ours = run.filter(({ taskId }) => held.has(taskId));
  if (ours.length > 0) {
    await recordAttempts(connection, ours);
    await runOn(connection, ours.length, goOnStatement(dialect, course, ours));
  }
  return run.filter(({ taskId }) => !held.has(taskId));
}
