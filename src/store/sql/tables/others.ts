import { Table } from "./table";

/** The columns of `response_logs`. */
export const LOGS = new Table<never, object>(
  "response_logs",
  {
    seq: { type: "serial", key: true },
    task_id: { type: "id" },
    endpoint: { type: "name" },
    job: { type: "name" },
    attempt: { type: "int" },
    at: { type: "time" },
    text: { type: "long" },
  },
  [{ name: "response_logs_response", columns: ["task_id", "endpoint", "job", "seq"] }],
);

/** The columns of `task_requests`, the inbox. */
export const REQUESTS = new Table<never, object>(
  "task_requests",
  {
    id: { type: "short", key: true },
    type: { type: "text" },
    identifier: { type: "bytes" },
    body: { type: "long", nullable: true },
    created_by: { type: "text", nullable: true },
    created_at: {
      type: "time",
      defaultSql: { mysql: "utc_timestamp(3)", sqlite: "strftime('%Y-%m-%d %H:%M:%f', 'now')" },
    },
    problem: { type: "long", nullable: true },
    refused_at: { type: "time", nullable: true },
    asked_by: { type: "account", nullable: true, defaultSql: { mysql: "current_user()" } },
  },
  [{ name: "task_requests_open", columns: ["refused_at", "created_at"] }],
);

/** The columns of `accounts`: database users of managers. */
export const ACCOUNTS = new Table<never, object>("accounts", {
  account: { type: "account", key: true },
  endpoint: { type: "name", nullable: true },
  types: { type: "long", nullable: true },
});

/** The columns of `secrets`. */
export const SECRETS = new Table<never, object>("secrets", {
  name: { type: "name", key: true },
  value: { type: "short" },
});

/** The columns of `locks`. */
export const LOCKS = new Table<never, object>("locks", {
  name: { type: "text", key: true },
  holder: { type: "text" },
  expires_at: { type: "time" },
  place: { type: "place", nullable: true },
});
