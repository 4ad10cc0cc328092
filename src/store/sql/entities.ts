import { EntitySchema, type EntitySchemaColumnOptions, type EntitySchemaIndexOptions } from "typeorm";

type Columns = Record<string, EntitySchemaColumnOptions>;
type Kind = "mysql" | "sqlite";

/**
 * The tables as TypeORM's entities, in the words of either database. Migrations make the tables; a test holds that both say
 * the same. Hot statements do not go through entities.
 */
export function entities(kind: Kind): EntitySchema[] {
  const c = columns(kind);
  const key = { task_id: c.key(c.id), endpoint: c.key(c.name), job: c.key(c.name) };
  // SQLite cannot give an existing column a default.
  const begins = (column: EntitySchemaColumnOptions, value: string | number): EntitySchemaColumnOptions =>
    kind === "mysql" ? { ...column, default: value } : column;
  return [
    table(
      "tasks",
      {
        id: c.key(c.id),
        type: c.name,
        identifier: c.bytes,
        body_hash: c.hash,
        payload: c.long,
        payload_bytes: c.int,
        deliver: c.word,
        attempts: c.int,
        timeout_ms: c.big,
        priority: c.int,
        status: begins(c.status, "pending"),
        created_at: c.time,
        delay_until: c.null(c.time),
        wait_until: c.time,
        expires_at: c.null(c.time),
        published_at: c.null(c.time),
        finished_at: c.null(c.time),
        cancel_at: c.null(c.time),
        run_key: c.null(c.text),
        open_run_key: c.null(c.text),
        traceparent: c.null(c.text),
        created_by: c.null(c.text),
        version: begins(c.int, 1),
        expected: { ...c.int, default: 0 },
      },
      [
        unique("tasks_identifier", ["type", "identifier"]),
        unique("tasks_open_run_key", ["open_run_key"]),
        index("tasks_by_type_status", ["type", "status", "id"]),
      ],
    ),
    table(
      "task_responses",
      {
        ...key,
        type: c.name,
        performer: c.null(c.fixed),
        status: begins(c.status, "expected"),
        reason: c.null(c.text),
        attempt: begins(c.int, 0),
        attempts: c.int,
        generation: begins(c.int, 1),
        timeout_ms: c.big,
        progress: begins(c.real, 0),
        progress_message: c.null(c.message),
        result: c.null(c.long),
        result_text: c.null(c.long),
        error: c.null(c.long),
        delay_until: c.null(c.time),
        received_at: c.null(c.time),
        started_at: c.null(c.time),
        finished_at: c.null(c.time),
        retry_at: c.null(c.time),
        cancel_at: c.null(c.time),
        timeout_at: c.null(c.time),
        due_at: c.null(c.time),
        published: begins(c.int, 0),
        manager_id: c.null(c.id),
        lease_id: c.null(c.id),
        changed_at: c.time,
        version: begins(c.int, 1),
      },
      [
        index("task_responses_agenda", ["finished_at", "due_at"]),
        index("task_responses_changed", ["changed_at"]),
        index("task_responses_endpoint", ["endpoint", "task_id"]),
      ],
    ),
    table("task_attempts", {
      ...key,
      generation: c.key(c.int),
      attempt: c.key(c.int),
      lease_id: c.key(c.id),
      outcome: c.key(c.word),
      reason: c.null(c.text),
      error: c.null(c.long),
      result: c.null(c.long),
      result_text: c.null(c.long),
      performer: c.null(c.name),
      manager_id: c.null(c.id),
      started_at: c.null(c.time),
      finished_at: c.time,
    }),
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
        created_at: { ...c.time, default: () => c.now },
        problem: c.null(c.long),
        refused_at: c.null(c.time),
        asked_by: { ...c.null(c.account), default: c.currentUser },
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

function columns(kind: Kind) {
  const own = kind === "mysql";
  const ascii = (type: "char" | "varchar", length: number): EntitySchemaColumnOptions =>
    own ? { type, length, charset: "ascii", collation: "ascii_bin" } : { type: "text" };
  const unicode = (options: EntitySchemaColumnOptions): EntitySchemaColumnOptions =>
    own ? { ...options, charset: "utf8mb4", collation: "utf8mb4_bin" } : { type: "text" };
  return {
    id: ascii("char", 36),
    hash: ascii("char", 64),
    name: ascii("varchar", 63),
    short: ascii("varchar", 64),
    place: ascii("varchar", 255),
    word: ascii("varchar", 16),
    status: ascii("char", 16),
    fixed: ascii("char", 63),
    text: unicode({ type: "varchar", length: 190 }),
    account: unicode({ type: "varchar", length: 400 }),
    currentUser: own ? () => "current_user()" : undefined,
    message: unicode({ type: "varchar", length: 1000 }),
    long: unicode({ type: "longtext" }),
    bytes: (own ? { type: "varbinary", length: 760 } : { type: "text" }) as EntitySchemaColumnOptions,
    time: (own ? { type: "datetime", precision: 3 } : { type: "text" }) as EntitySchemaColumnOptions,
    int: { type: own ? "int" : "integer" } as EntitySchemaColumnOptions,
    big: { type: own ? "bigint" : "integer" } as EntitySchemaColumnOptions,
    real: { type: own ? "double" : "real" } as EntitySchemaColumnOptions,
    now: own ? "utc_timestamp(3)" : "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    key: (column: EntitySchemaColumnOptions): EntitySchemaColumnOptions => ({ ...column, primary: true }),
    null: (column: EntitySchemaColumnOptions): EntitySchemaColumnOptions => ({ ...column, nullable: true }),
  };
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
