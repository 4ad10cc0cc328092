import type { AttemptRecord } from "../../../model/response";
import { Sql } from "../sql";
import { Table } from "./table";

/** The columns of `task_attempts`: attempts that are over, but for the one that made its response final. */
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
 * The beginning of a statement that keeps responses as attempts, as they stand; the condition
 * follows. `instead`: SQL for columns that are not taken from the response's column of that name.
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
