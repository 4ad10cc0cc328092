import type { MigrationInterface, QueryRunner } from "typeorm";

const NAME = "VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin";
const ID = "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin";
const WORD = "VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin";
const TEXT = "VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const LONG = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const TABLE = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/**
 * `identifier` is bytes, because a VARCHAR ignores trailing spaces when it compares. IF NOT EXISTS,
 * because MySQL commits each statement and an interrupted migration runs again from its beginning.
 */
const MYSQL = [
  `CREATE TABLE IF NOT EXISTS tasks (
    id ${ID} NOT NULL,
    type ${NAME} NOT NULL,
    identifier VARBINARY(760) NOT NULL,
    body_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payload ${LONG} NOT NULL,
    payload_bytes INT NOT NULL,
    deliver ${WORD} NOT NULL,
    attempts INT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    priority INT NOT NULL,
    status ${WORD} NOT NULL,
    created_at DATETIME(3) NOT NULL,
    delay_until DATETIME(3) NULL,
    wait_until DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NULL,
    published_at DATETIME(3) NULL,
    finished_at DATETIME(3) NULL,
    cancel_at DATETIME(3) NULL,
    run_key ${TEXT} NULL,
    open_run_key ${TEXT} NULL,
    traceparent ${TEXT} NULL,
    created_by ${TEXT} NULL,
    version INT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY tasks_identifier (type, identifier),
    UNIQUE KEY tasks_open_run_key (open_run_key),
    KEY tasks_by_type (type, id),
    KEY tasks_by_status (status, id),
    KEY tasks_by_type_status (type, status, id)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS task_responses (
    task_id ${ID} NOT NULL,
    endpoint ${NAME} NOT NULL,
    job ${NAME} NOT NULL,
    type ${NAME} NOT NULL,
    performer ${NAME} NULL,
    status ${WORD} NOT NULL,
    reason ${TEXT} NULL,
    attempt INT NOT NULL,
    attempts INT NOT NULL,
    generation INT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    progress DOUBLE NOT NULL,
    progress_message VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    result ${LONG} NULL,
    result_text ${LONG} NULL,
    error ${LONG} NULL,
    delay_until DATETIME(3) NULL,
    received_at DATETIME(3) NULL,
    started_at DATETIME(3) NULL,
    finished_at DATETIME(3) NULL,
    retry_at DATETIME(3) NULL,
    cancel_at DATETIME(3) NULL,
    timeout_at DATETIME(3) NULL,
    due_at DATETIME(3) NULL,
    published INT NOT NULL,
    manager_id ${ID} NULL,
    lease_id ${ID} NULL,
    changed_at DATETIME(3) NOT NULL,
    version INT NOT NULL,
    PRIMARY KEY (task_id, endpoint, job),
    KEY task_responses_due (due_at, endpoint, manager_id),
    KEY task_responses_changed (changed_at),
    KEY task_responses_endpoint (endpoint, task_id)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS task_attempts (
    task_id ${ID} NOT NULL,
    endpoint ${NAME} NOT NULL,
    job ${NAME} NOT NULL,
    generation INT NOT NULL,
    attempt INT NOT NULL,
    lease_id ${ID} NOT NULL,
    outcome ${WORD} NOT NULL,
    reason ${TEXT} NULL,
    error ${LONG} NULL,
    result ${LONG} NULL,
    result_text ${LONG} NULL,
    performer ${NAME} NULL,
    manager_id ${ID} NULL,
    started_at DATETIME(3) NULL,
    finished_at DATETIME(3) NOT NULL,
    PRIMARY KEY (task_id, endpoint, job, generation, attempt, lease_id, outcome)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS response_logs (
    seq BIGINT NOT NULL AUTO_INCREMENT,
    task_id ${ID} NOT NULL,
    endpoint ${NAME} NOT NULL,
    job ${NAME} NOT NULL,
    attempt INT NOT NULL,
    at DATETIME(3) NOT NULL,
    text ${LONG} NOT NULL,
    PRIMARY KEY (seq),
    KEY response_logs_response (task_id, endpoint, job, seq)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS endpoints (
    name ${NAME} NOT NULL,
    labels ${LONG} NOT NULL,
    first_seen_at DATETIME(3) NOT NULL,
    PRIMARY KEY (name)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS endpoint_types (
    type ${NAME} NOT NULL,
    endpoint ${NAME} NOT NULL,
    PRIMARY KEY (type, endpoint),
    KEY endpoint_types_endpoint (endpoint)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS managers (
    id ${ID} NOT NULL,
    endpoint ${NAME} NOT NULL,
    host ${TEXT} NOT NULL,
    pid INT NOT NULL,
    slot ${TEXT} NOT NULL,
    version ${TEXT} NOT NULL,
    state ${WORD} NOT NULL,
    running INT NOT NULL,
    ttl_ms BIGINT NOT NULL,
    started_at DATETIME(3) NOT NULL,
    heartbeat_at DATETIME(3) NOT NULL,
    stopped_at DATETIME(3) NULL,
    PRIMARY KEY (id),
    KEY managers_endpoint (endpoint),
    KEY managers_state (state)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS locks (
    name ${TEXT} NOT NULL,
    holder ${TEXT} NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    PRIMARY KEY (name)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS task_requests (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    identifier VARBINARY(760) NOT NULL,
    body ${LONG} NULL,
    created_by ${TEXT} NULL,
    created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
    problem ${LONG} NULL,
    refused_at DATETIME(3) NULL,
    PRIMARY KEY (id),
    KEY task_requests_open (refused_at, created_at)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS api_keys (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name ${TEXT} NOT NULL,
    hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    scopes ${LONG} NOT NULL,
    types ${LONG} NULL,
    created_at DATETIME(3) NOT NULL,
    expires_at DATETIME(3) NULL,
    last_used_at DATETIME(3) NULL,
    PRIMARY KEY (id)
  ) ${TABLE}`,
  `CREATE TABLE IF NOT EXISTS audit (
    id ${ID} NOT NULL,
    at DATETIME(3) NOT NULL,
    actor ${TEXT} NULL,
    action ${TEXT} NOT NULL,
    task_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    type ${TEXT} NULL,
    detail ${LONG} NOT NULL,
    remote ${TEXT} NULL,
    PRIMARY KEY (id)
  ) ${TABLE}`,
];

/** The same tables without lengths, and with secondary keys as statements of their own. */
function toSqlite(statement: string): string[] {
  const table = /CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)![1]!;
  const indexes: string[] = [];
  const lines = statement
    .replace(/\) ENGINE=.*$/s, ")")
    .replace(/ CHARACTER SET \w+ COLLATE \w+/g, "")
    .replace(/(VARBINARY|VARCHAR|CHAR|DATETIME)\(\d+\)|LONGTEXT/g, "TEXT")
    .replace(/\bDOUBLE\b/g, "REAL")
    .replace(/\b(BIGINT|INT)\b/g, "INTEGER")
    .replace("(UTC_TIMESTAMP(3))", "(strftime('%Y-%m-%d %H:%M:%f', 'now'))")
    .replace("seq INTEGER NOT NULL AUTO_INCREMENT", '"seq" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL')
    .replace(/,\s+PRIMARY KEY \(seq\)/, "")
    .replace(/,\s+(UNIQUE )?KEY (\w+) \(([^)]*)\)/g, (_, uniq: string | undefined, name: string, columns: string) => {
      indexes.push(`CREATE ${uniq ?? ""}INDEX IF NOT EXISTS ${name} ON ${table} (${columns})`);
      return "";
    });
  return [lines, ...indexes];
}

export class Initial1790000000000 implements MigrationInterface {
  name = "Initial1790000000000";

  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === "better-sqlite3";
    for (const statement of sqlite ? MYSQL.flatMap(toSqlite) : MYSQL) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error(
      "Migrations go forward only: restore a backup, or drop everything with `npx tasker initialize --reset`.",
    );
  }
}
