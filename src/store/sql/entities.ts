import { EntitySchema, type EntitySchemaColumnOptions, type EntitySchemaIndexOptions } from "typeorm";
import { ATTEMPTS } from "./tables/attempts";
import { RESPONSES } from "./tables/responses";
import type { Column } from "./tables/table";
import { TASKS } from "./tables/tasks";
import { columnTypes, type Kind } from "./tables/types";

type Columns = Record<string, EntitySchemaColumnOptions>;

/**
 * The tables as TypeORM's entities. Migrations make the tables; a test holds that both agree. The
 * store's statements do not go through entities.
 */
export function entities(kind: Kind): EntitySchema[] {
  const own = kind === "mysql";
  const now = own ? "utc_timestamp(3)" : "strftime('%Y-%m-%d %H:%M:%f', 'now')";
  const c = {
    ...columnTypes(kind),
    key: (column: EntitySchemaColumnOptions): EntitySchemaColumnOptions => ({ ...column, primary: true }),
    null: (column: EntitySchemaColumnOptions): EntitySchemaColumnOptions => ({ ...column, nullable: true }),
  };
  return [
    table("tasks", columnsOf(TASKS.columns, kind), [
      unique("tasks_identifier", ["type", "identifier"]),
      unique("tasks_open_run_key", ["open_run_key"]),
      index("tasks_by_type_status", ["type", "status", "id"]),
    ]),
    table("task_responses", columnsOf(RESPONSES.columns, kind), [
      index("task_responses_agenda", ["finished_at", "due_at"]),
      index("task_responses_changed", ["changed_at"]),
      index("task_responses_endpoint", ["endpoint", "task_id"]),
    ]),
    table("task_attempts", columnsOf(ATTEMPTS.columns, kind)),
    table(
      "response_logs",
      {
        seq: { ...c.key(kind === "sqlite" ? c.int : c.big), generated: "increment" },
        task_id: c.id,
        endpoint: c.name,
        job: c.name,
        attempt: c.int,
        at: c.time,
        text: c.long,
      },
      [index("response_logs_response", ["task_id", "endpoint", "job", "seq"])],
    ),
    table("endpoints", {
      name: c.key(c.name),
      labels: c.long,
      first_seen_at: c.time,
      removed_at: c.null(c.time),
      renamed_to: c.null(c.name),
      leaving: c.null(c.long),
    }),
    table(
      "endpoint_types",
      {
        type: c.key(c.name),
        endpoint: c.key(c.name),
        by_config: { ...c.int, default: 0 },
        by_manager: { ...c.int, default: 1 },
        open_deliver: c.null(c.word),
      },
      [index("endpoint_types_endpoint", ["endpoint"])],
    ),
    table("task_types", {
      name: c.key(c.name),
      deliver: c.word,
      keep_ms: c.null(c.big),
      configured: c.int,
    }),
    table(
      "managers",
      {
        id: c.key(c.id),
        endpoint: c.name,
        host: c.text,
        pid: c.int,
        slot: c.text,
        version: c.text,
        state: c.word,
        running: c.int,
        ttl_ms: c.big,
        started_at: c.time,
        heartbeat_at: c.time,
        stopped_at: c.null(c.time),
        types: c.null(c.long),
        admitted: { ...c.int, default: 0 },
      },
      [index("managers_endpoint", ["endpoint"]), index("managers_state", ["state"])],
    ),
    table("secrets", { name: c.key(c.name), value: c.short }),
    table("locks", { name: c.key(c.text), holder: c.text, expires_at: c.time, place: c.null(c.place) }),
    table(
      "task_requests",
      {
        id: c.key(c.short),
        type: c.text,
        identifier: c.bytes,
        body: c.null(c.long),
        created_by: c.null(c.text),
        created_at: { ...c.time, default: () => now },
        problem: c.null(c.long),
        refused_at: c.null(c.time),
        asked_by: { ...c.null(c.account), default: own ? () => "current_user()" : undefined },
      },
      [index("task_requests_open", ["refused_at", "created_at"])],
    ),
    table("accounts", { account: c.key(c.account), endpoint: c.null(c.name), types: c.null(c.long) }),
    table("api_keys", {
      id: c.key(c.short),
      name: c.text,
      hash: c.hash,
      scopes: c.long,
      types: c.null(c.long),
      created_at: c.time,
      expires_at: c.null(c.time),
      last_used_at: c.null(c.time),
    }),
    table("audit", {
      id: c.key(c.id),
      at: c.time,
      actor: c.null(c.text),
      action: c.text,
      task_id: c.null(c.short),
      type: c.null(c.text),
      detail: c.long,
      remote: c.null(c.text),
    }),
  ];
}

function columnsOf(columns: Readonly<Record<string, Omit<Column<unknown>, "first">>>, kind: Kind): Columns {
  const types = columnTypes(kind);
  const own = kind === "mysql";
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [
      name,
      {
        ...types[column.type],
        ...(column.key && { primary: true }),
        ...(column.nullable && { nullable: true }),
        ...(column.default !== undefined && (own || column.defaultOnSqlite) && { default: column.default }),
      },
    ]),
  );
}

function table(name: string, columns: Columns, indices: EntitySchemaIndexOptions[] = []): EntitySchema {
  return new EntitySchema({ name, tableName: name, columns, indices });
}

function index(name: string, columns: string[]): EntitySchemaIndexOptions {
  return { name, columns };
}

function unique(name: string, columns: string[]): EntitySchemaIndexOptions {
  return { name, columns, unique: true };
}
