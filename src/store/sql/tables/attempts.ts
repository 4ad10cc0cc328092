import type { AttemptRecord } from "../../../model/response";
import type { Connection } from "../connection";
import { Sql } from "../sql";
import { Table } from "./table";

/** The columns of `task_attempts`: ended attempts, except those that made their response final. */
export const ATTEMPTS = new Table<never, AttemptRecord>("task_attempts", {
  task_id: { type: "id", key: true, field: "taskId" },
  endpoint: { type: "name", key: true, field: "endpoint" },
  job: { type: "name", key: true, field: "job" },
  generation: { type: "int", key: true, field: "generation" },
  attempt: { type: "int", key: true, field: "attempt" },
  lease_id: { type: "id", key: true, field: "leaseId" },
  outcome: { type: "word", key: true, field: "outcome" },
  reason: { type: "text", nullable: true, field: "reason" },
  error: { type: "long", nullable: true, field: "error" },
  result: { type: "long", nullable: true, field: "result" },
  result_text: { type: "long", nullable: true, field: "resultText" },
  performer: { type: "name", nullable: true, field: "performer" },
  manager_id: { type: "id", nullable: true, field: "managerId" },
  started_at: { type: "time", nullable: true, field: "startedAt" },
  finished_at: { type: "time", field: "finishedAt" },
});

/**
 * Begins a statement that copies responses to attempts; the caller adds the condition.
 *
 * @param instead SQL for columns that are not copied from the response's column of that name
 */
export function attemptsFromResponses(instead: Readonly<Record<string, string | Sql>>): Sql {
  const names = Object.keys(ATTEMPTS.columns);
  const sql = new Sql(`INSERT INTO task_attempts (${names.join(", ")}) SELECT `);
  for (const [i, name] of names.entries()) {
    if (i > 0) sql.add(", ");
    const value = instead[name] ?? name;
    if (typeof value === "string") sql.add(value);
    else sql.append(value);
  }
  return sql.add(" FROM task_responses WHERE ");
}

/** Copies the running attempts that match as lost, before their responses change. */
export async function keepAsLost(connection: Connection, reason: string, error: string, where: Sql): Promise<void> {
  const { now, keepDuplicates } = connection.dialect;
  const sql = attemptsFromResponses({
    ...{ outcome: "'lost'", reason: new Sql("?", [reason]), error: new Sql("?", [error]) },
    ...{ result: "NULL", result_text: "NULL", finished_at: now },
  });
  sql.append(where).add(` AND status = 'running' AND lease_id IS NOT NULL${keepDuplicates("task_attempts.outcome")}`);
  await connection.run(sql.text, sql.values);
}
