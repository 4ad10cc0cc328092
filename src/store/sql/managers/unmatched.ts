import type { AttemptEnd, EndAnswer } from "../../store";
import type { Connection } from "../connection";
import { keyText, matchKeys } from "../sql";
import { nowOf } from "../times";
import { courseOf, outcomeOf, reasonOf } from "./finish-statement";

interface Key {
  taskId: string;
  endpoint: string;
  job: string;
  leaseId: string;
}
type Standing = Key & { status: string; performer: string | null };

const KEY = "task_id AS taskId, endpoint, job, lease_id AS leaseId";

/**
 * Answers for ends that matched no row under their lease. What a repeated report finds recorded
 * stands; all else came under a lease that was lost: it is kept as a superseded attempt and touches
 * nothing else.
 */
export async function answerUnmatched(
  connection: Connection,
  ends: readonly AttemptEnd[],
  answers: Map<AttemptEnd, EndAnswer>,
): Promise<void> {
  const { text, values } = matchKeys(connection.dialect, ends);
  const rows = await connection.query<Standing>(
    `SELECT ${KEY}, status, performer FROM task_responses WHERE ${text}`,
    values,
  );
  const past = await connection.query<Key & { outcome: string }>(
    `SELECT ${KEY}, outcome FROM task_attempts WHERE ${text}`,
    values,
  );
  const standing = new Map(rows.map((row) => [keyText(row), row]));
  const recorded = new Set(past.map((row) => `${keyText(row)} ${row.leaseId} ${row.outcome}`));
  for (const end of ends) {
    const row = standing.get(keyText(end));
    if (stands(row, end) || recorded.has(`${keyText(end)} ${end.leaseId} ${outcomeOf(end)}`)) {
      answers.set(end, { kind: "recorded" });
      continue;
    }
    answers.set(end, { kind: "superseded" });
    if (row) await keepSuperseded(connection, end, row.performer);
  }
}

function stands(row: Standing | undefined, end: AttemptEnd): boolean {
  if (row?.leaseId !== end.leaseId) return false;
  return row.status === end.status || (courseOf(end) !== "final" && row.status === "cancelled");
}

async function keepSuperseded(connection: Connection, end: AttemptEnd, performer: string | null): Promise<void> {
  const columns = {
    task_id: end.taskId,
    endpoint: end.endpoint,
    job: end.job,
    generation: end.generation,
    attempt: end.attempt,
    lease_id: end.leaseId,
    outcome: "superseded",
    reason: reasonOf(end),
    error: end.error,
    result: end.result,
    result_text: end.resultText,
    performer,
    finished_at: await nowOf(connection),
  };
  await connection.insert("task_attempts", Object.keys(columns), [Object.values(columns)], "keep");
}
