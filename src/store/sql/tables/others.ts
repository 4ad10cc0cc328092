import type { LogChunk, RequestRow } from "../../store";
import { Table } from "./table";

/** The columns of `response_logs`. */
export const LOGS = new Table<never, LogChunk>(
  "response_logs",
  {
    seq: { type: "serial", key: true, field: "seq" },
    task_id: { type: "id" },
    endpoint: { type: "name" },
    job: { type: "name" },
    attempt: { type: "int", field: "attempt" },
    at: { type: "time", field: "at" },
    text: { type: "long", field: "text" },
  },
  [{ name: "response_logs_response", columns: ["task_id", "endpoint", "job", "seq"] }],
);

/** The columns of `task_requests`, the inbox. */
export const REQUESTS = new Table<never, Omit<RequestRow, "manager">>(
  "task_requests",
  {
    id: { type: "short", key: true, field: "id" },
    type: { type: "text", field: "type" },
    identifier: { type: "bytes", field: "identifier" },
    body: { type: "long", nullable: true, field: "body" },
    created_by: { type: "text", nullable: true, field: "createdBy" },
    created_at: {
      type: "time",
      defaultSql: { mysql: "utc_timestamp(3)", sqlite: "strftime('%Y-%m-%d %H:%M:%f', 'now')" },
    },
    problem: { type: "long", nullable: true },
    refused_at: { type: "time", nullable: true },
    asked_by: { type: "account", nullable: true, field: "account", defaultSql: { mysql: "current_user()" } },
  },
  [{ name: "task_requests_open", columns: ["refused_at", "created_at"] }],
);

/** The columns of `accounts`: the managers' database users. */
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
