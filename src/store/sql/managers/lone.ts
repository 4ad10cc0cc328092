import { isId } from "../../../model/ids";
import { FIRST_VERSION } from "../../../model/message";
import type { AttemptEnd, Claim } from "../../store";
import type { Connection, Database, Dialect, Value } from "../connection";
import { roughBytes } from "../size";
import { claimedWithEnd, UNTOUCHED } from "./late";
import { ALIVE, beginOf, clocksOf } from "./take";

/**
 * One claim, or one end, by itself: what a manager sends that has nothing else at hand, as every one does where a task goes to
 * many endpoints. The same statements as for many (claim.ts, finish.ts), as texts that never change, so that the server keeps
 * them parsed and nothing is put together here. Whatever does not match in the first place is left to those.
 */
const KEY = "task_id = ? AND endpoint = ? AND job = ?";

/** Whether it was granted. Only for a claim that says what is known of its row, and of which type. */
export async function claimLone(
  connection: Connection,
  leaseId: string,
  managerId: string,
  endpoint: string,
  { taskId, job, type, known }: Claim,
): Promise<boolean> {
  if (!known || type === undefined) return false;
  const { first, again } = textsFor(connection.dialect);
  const text = known.version === FIRST_VERSION ? first : again;
  const values = [leaseId, managerId, endpoint, taskId, known.endpoint, job, known.version, type, managerId];
  return (await connection.prepared(text, values)) === 1;
}

/** Whether it stands. Only for a final one. */
export async function finishLone(db: Database, end: AttemptEnd): Promise<boolean> {
  if (end.status === "retrying" || end.status === "received" || !isId(end.taskId) || !isId(end.leaseId)) return false;
  const { claim } = end;
  const { succeeded, silent, ended } = textsFor(db.dialect)[claim ? "late" : "claimed"];
  const contents = [end.reason, end.error, end.result, end.resultText];
  const says = contents.some((content) => content !== null);
  const values: Value[] = [];
  if (claim) {
    const ran = Math.max(0, Math.round(claim.ranMs));
    values.push(end.leaseId, claim.managerId, claim.performer, ran);
  }
  values.push(end.status);
  if (says || end.status !== "succeeded") values.push(...contents);
  values.push(end.taskId, end.endpoint, end.job, claim ? claim.type : end.leaseId);
  try {
    const matched = await db.single(async (connection) => {
      if (roughBytes(values) > connection.maxBytes) return 0;
      return connection.prepared(end.status !== "succeeded" ? ended : says ? succeeded : silent, values);
    });
    return matched === 1;
  } catch (error) {
    if (db.dialect.isBadRow(error)) return false;
    throw error;
  }
}

interface Texts {
  first: string;
  again: string;
  claimed: EndTexts;
  late: EndTexts;
}

interface EndTexts {
  succeeded: string;
  /** Succeeded without a result or anything else to be said. */
  silent: string;
  /** In any other way. */
  ended: string;
}

const texts = new Map<Dialect, Texts>();

function textsFor(dialect: Dialect): Texts {
  let found = texts.get(dialect);
  if (!found) {
    found = {
      first: claimText(dialect, true),
      again: claimText(dialect, false),
      claimed: endTexts(dialect, "", " AND lease_id = ? AND status = 'running'"),
      late: endTexts(dialect, claimedWithEnd(dialect, "?", "?"), UNTOUCHED),
    };
    texts.set(dialect, found);
  }
  return found;
}

function claimText(dialect: Dialect, fresh: boolean): string {
  return `${beginOf(dialect, fresh)}${KEY} AND version = ? AND type = ?${clocksOf(dialect, fresh)}${ALIVE}`;
}

function endTexts({ byKey, now }: Dialect, first: string, where: string): EndTexts {
  const text = (contents: string, progress: string) =>
    `UPDATE task_responses${byKey} SET ${first}status = ?, ${contents}${progress}finished_at = ${now}, due_at = NULL, timeout_at = NULL,
     version = version + 1 WHERE ${KEY}${where}`;
  // What is empty is empty since the claim: to set it so once more changes nothing.
  const all = "reason = ?, error = ?, result = ?, result_text = ?, ";
  return { succeeded: text(all, "progress = 1, "), silent: text("", "progress = 1, "), ended: text(all, "") };
}
