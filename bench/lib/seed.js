/**
 * Fills the tables with finished tasks: a hundred real ones are performed, then their rows are multiplied inside the database with
 * ids, identifiers and times of their own. Whatever columns the tables have, the rows are those that tasker itself has written.
 */
const { createConnection } = require("mysql2/promise");
const { NOOP, pause } = require("./tasker");

/** Age of the oldest task; the newest is 1 h old. Younger than the retention. */
const SPAN_MS = 20 * 24 * 3600_000;
const YOUNGEST_MS = 3600_000;

/** Types and outcomes of the 100 templates: finished at one or two endpoints, failed, cancelled. */
const ONE = { ...NOOP, deliver: "one" };
const SEED_TYPES = {
  noop: ONE,
  "seed.pair": NOOP,
  "seed.shaky": { ...ONE, handler: "fail", attempts: 1 },
  "seed.withdrawn": ONE,
};
const SHARES = { noop: 55, "seed.pair": 30, "seed.shaky": 10, "seed.withdrawn": 5 };
const TEMPLATES = Object.values(SHARES).reduce((sum, count) => sum + count, 0);

/** Performs the templates. The processes must know SEED_TYPES and serve two endpoints. */
async function performTemplates(tasker) {
  for (const [type, count] of Object.entries(SHARES)) {
    const withdrawn = type === "seed.withdrawn" ? { delay_until: new Date(Date.now() + 3600_000).toISOString() } : {};
    const tasks = Array.from({ length: count }, (_, n) => ({
      identifier: `seed-${type}-${n}`,
      payload: { build: `e7bd91d0-16ad-11e2-892e-${String(n).padStart(12, "0")}`, branch: "main", keep: n },
      ...withdrawn,
    }));
    const { results } = await tasker.post(`/${type}/batch`, { tasks });
    if (type === "seed.withdrawn") for (const { task } of results) await tasker.post(`/${type}/${task.id}/cancel`, {});
  }
  for (const type of Object.keys(SHARES)) await tasker.untilDone(type);
  await tasker.settled();
}

/**
 * Multiplies what `performTemplates` has left, which must be all that is in the tables, to `count` tasks. Nothing of tasker may run
 * on the database. About 70 µs of the server's CPU a task; the tables are filled at the same time.
 *
 * @param {string} uri of the database
 * @param {number} count
 */
async function multiply(uri, count) {
  const db = await createConnection(uri);
  const tables = ["tasks", ...(await childTables(db))];
  const columns = {};
  for (const table of tables) columns[table] = await columnsOf(db, table);
  const created = columns.tasks.find(({ name }) => name === "created_at");
  await db.query(
    `CREATE TABLE seed_tasks (KEY (seed_ord), KEY (id)) AS
     SELECT t.*, ROW_NUMBER() OVER (ORDER BY MD5(identifier)) - 1 AS seed_ord, ${toMs("t.created_at", created)} AS seed_ms FROM tasks t`,
  );
  const [[{ found }]] = await db.query("SELECT COUNT(*) AS found FROM seed_tasks");
  if (Number(found) !== TEMPLATES) throw new Error(`The tables hold ${found} tasks, not the ${TEMPLATES} to multiply.`);
  for (const table of tables.slice(1)) {
    await db.query(
      `CREATE TABLE seed_${table} (KEY (seed_ord)) AS
       SELECT c.*, t.seed_ord, t.seed_ms FROM ${table} c JOIN seed_tasks t ON t.id = c.task_id`,
    );
  }
  for (const table of tables) await db.query(`TRUNCATE TABLE ${table}`);
  const oldest = Date.now() - SPAN_MS;
  const fill = async (table) => {
    const own = await createConnection(uri);
    // Into empty tables InnoDB sorts rows and index entries instead of putting each in its place, if these checks are off.
    await own.query("SET SESSION unique_checks = 0, foreign_key_checks = 0");
    await own.query(multiplied(table, columns[table], { count, oldest }));
    await own.query(`DROP TABLE seed_${table}`);
    await own.query(`ANALYZE TABLE ${table}`);
    await own.end();
  };
  await Promise.all(tables.map(fill));
  await db.end();
}

/** Resolves when all data are flushed to disk, so that no later measurement pays for it. */
async function flushed(uri) {
  const db = await createConnection(uri);
  const kept = {};
  // By default it writes two hundred pages a second when nothing presses.
  for (const [name, value] of Object.entries({ innodb_max_dirty_pages_pct: 0, innodb_io_capacity: 20_000 })) {
    const [[row]] = await db.query(`SELECT @@GLOBAL.${name} AS value`);
    kept[name] = row.value;
    await db.query(`SET GLOBAL ${name} = ${value}`);
  }
  for (;;) {
    const [[status]] = await db.query("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'");
    if (Number(status.Value) < 100) break;
    await pause(200);
  }
  for (const [name, value] of Object.entries(kept)) await db.query(`SET GLOBAL ${name} = ${value}`);
  await db.end();
}

function multiplied(table, columns, { count, oldest }) {
  const step = (SPAN_MS - YOUNGEST_MS) / count;
  const ms = `(${oldest} + CAST(FLOOR(seq * ${step}) AS SIGNED))`;
  const id = ({ type }) => {
    const time = `INSERT(LPAD(HEX(${ms}), 12, '0'), 9, 0, '-')`;
    const rest = [`seq & 4095`, `seq >> 12 & 4095`].map((part) => `LPAD(HEX(${part}), 3, '0')`);
    const text = `LOWER(CONCAT(${time}, '-7', ${rest[0]}, '-8', ${rest[1]}, '-', LPAD(HEX(seq * 2654435761 & 281474976710655), 12, '0')))`;
    return type === "binary" ? `UNHEX(REPLACE(${text}, '-', ''))` : text;
  };
  const value = (column) => {
    if (column.name === (table === "tasks" ? "id" : "task_id")) return id(column);
    if (table === "tasks" && column.name === "identifier") return "CONCAT(LEFT(MD5(seq), 12), '-', seq)";
    if (table === "tasks" && column.name === "body_hash") return hashOf(column);
    if (isTime(column)) return shifted(column, ms);
    return `s.${column.name}`;
  };
  const kept = columns.filter((column) => !column.automatic);
  return `INSERT INTO ${table} (${kept.map(({ name }) => name).join(", ")})
    SELECT ${kept.map(value).join(", ")}
    FROM seq_1_to_${count} STRAIGHT_JOIN seed_${table} s ON s.seed_ord = seq MOD ${TEMPLATES}`;
}

function hashOf({ type }) {
  return type === "binary" || type === "varbinary" ? "UNHEX(REPEAT(MD5(seq), 2))" : "REPEAT(MD5(seq), 2)";
}

/** Times are shifted by the difference between the task and its template. */
function shifted({ name, type }, ms) {
  const by = `(${ms} - s.seed_ms)`;
  return type === "bigint" ? `s.${name} + ${by}` : `TIMESTAMPADD(MICROSECOND, ${by} * 1000, s.${name})`;
}

function toMs(expression, { type }) {
  return type === "bigint" ? expression : `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${expression}) DIV 1000`;
}

function isTime({ name, type }) {
  return type === "datetime" || type === "timestamp" || (type === "bigint" && /_(at|until)$/.test(name));
}

/** Tables whose rows belong to a task, as far as they hold any. */
async function childTables(db) {
  const [rows] = await db.query(
    "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'task_id' AND table_name NOT IN ('audit') AND table_name NOT LIKE 'seed\\_%'",
  );
  const found = [];
  for (const { name } of rows) {
    const [[{ any }]] = await db.query(`SELECT EXISTS (SELECT * FROM ${name}) AS any`);
    if (Number(any) === 1) found.push(name);
  }
  return found;
}

async function columnsOf(db, table) {
  const [rows] = await db.query(
    "SELECT column_name AS name, data_type AS type, extra LIKE '%auto_increment%' OR extra LIKE '%GENERATED%' AS automatic FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position",
    [table],
  );
  return rows.map(({ name, type, automatic }) => ({ name, type, automatic: Number(automatic) === 1 }));
}

module.exports = { SEED_TYPES, flushed, multiply, performTemplates };
