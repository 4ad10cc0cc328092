/**
 * The least rights in a MySQL or MariaDB database for the statements of the API and of a manager.
 *
 * A manager reads only the columns of a task that a claim returns. It updates only the columns of a
 * response that an attempt changes, not its endpoint, attempts or cancel. It reads no results, keys
 * or audit trail. Its requests carry its account, which it cannot change. The API may append to the
 * audit trail only. Neither may alter a table; `initialize` does.
 */
interface TableRights {
  table: string;
  /** As GRANT takes them: `SELECT`, `UPDATE (status, reason)`. */
  rights: readonly string[];
}

const KEY = "task_id, endpoint, job";
const ALL = ["SELECT", "INSERT", "UPDATE", "DELETE"];
const MIGRATIONS = { table: "migrations", rights: ["SELECT"] };

export const API_RIGHTS: readonly TableRights[] = [
  ...[
    ...["tasks", "task_responses", "task_attempts", "response_logs", "endpoints", "endpoint_types", "managers"],
    ...["locks", "task_requests", "api_keys", "task_types"],
  ].map((table) => ({ table, rights: ALL })),
  { table: "audit", rights: ["SELECT", "INSERT"] },
  { table: "secrets", rights: ["SELECT", "INSERT"] },
  { table: "accounts", rights: ["SELECT"] },
  MIGRATIONS,
];

/** The columns of a response that an attempt changes. */
const OF_ATTEMPT = [
  ...["status", "reason", "performer", "attempt", "progress", "progress_message", "result", "result_text", "error"],
  ...["received_at", "started_at", "finished_at", "retry_at", "timeout_at", "due_at", "published", "manager_id"],
  ...["lease_id", "changed_at", "version"],
];
const SECRETS = ["result", "result_text", "error", "reason"];
const READ_OF_RESPONSE = [
  ...["task_id", "endpoint", "job", "type", "attempts", "generation", "timeout_ms", "delay_until", "cancel_at"],
  ...OF_ATTEMPT.filter((column) => !SECRETS.includes(column)),
];

export const MANAGER_RIGHTS: readonly TableRights[] = [
  { table: "tasks", rights: ["SELECT (id, identifier, payload, traceparent)"] },
  {
    table: "task_responses",
    rights: [`SELECT (${READ_OF_RESPONSE.join(", ")})`, `UPDATE (${OF_ATTEMPT.join(", ")})`],
  },
  { table: "task_attempts", rights: [`SELECT (${KEY}, lease_id, outcome)`, "INSERT"] },
  { table: "response_logs", rights: [`SELECT (seq, ${KEY}, attempt, at, text)`, "INSERT"] },
  { table: "endpoints", rights: ["SELECT", "INSERT", "UPDATE (labels)"] },
  { table: "endpoint_types", rights: ["SELECT", "INSERT"] },
  { table: "managers", rights: ALL },
  // Not `asked_by`: the database sets it to the account.
  { table: "task_requests", rights: ["INSERT (id, type, identifier, body, created_by, created_at)"] },
  { table: "secrets", rights: ["SELECT"] },
  MIGRATIONS,
];
