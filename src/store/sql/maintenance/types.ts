import type { Deliver } from "../../../model/task";
import type { KnownType } from "../../store";
import type { Connection, Database } from "../connection";

interface Row {
  name: string;
  deliver: Deliver;
  keep_ms: number | null;
  configured: number;
}

const COLUMNS = ["name", "deliver", "keep_ms", "configured"];
const WAITING = "'expected', 'received', 'retrying'";

/**
 * The types of the config, in place of those of before; the others stay known, with how long their tasks are kept. What waits of a
 * type that has come back, or is delivered otherwise now, is due: its messages may lie where nobody looks. Resolves to all types.
 */
export function configureTypes(db: Database, types: readonly Omit<KnownType, "configured">[]): Promise<KnownType[]> {
  return db.write(async (connection) => {
    const known = new Map((await knownTypes(connection)).map((row) => [row.name, row]));
    const fresh = types.filter(({ name }) => !known.has(name));
    if (fresh.length > 0) {
      const rows = fresh.map(({ name, deliver, keepMs }) => [name, deliver, keepMs, 1]);
      await connection.insert("task_types", COLUMNS, rows, "keep");
    }
    for (const { name, deliver, keepMs } of types) {
      const before = known.get(name);
      if (!before) continue;
      if (before.configured === 0 || before.deliver !== deliver) await wakeType(connection, name);
      if (before.configured !== 0 && before.deliver === deliver && before.keep_ms === keepMs) continue;
      await connection.run("UPDATE task_types SET deliver = ?, keep_ms = ?, configured = 1 WHERE name = ?", [
        deliver,
        keepMs,
        name,
      ]);
    }
    const configured = new Set(types.map(({ name }) => name));
    for (const row of known.values()) {
      if (row.configured === 0 || configured.has(row.name)) continue;
      await connection.run("UPDATE task_types SET configured = 0 WHERE name = ?", [row.name]);
    }
    // Tasks from before types were noted, and of types that only another API's config has.
    const stored = await connection.query<{ type: string }>(connection.dialect.everyType);
    const rows = await knownTypes(connection);
    const names = new Set(rows.map(({ name }) => name));
    const former = stored.filter(({ type }) => !names.has(type));
    return [...rows.map(toKnown), ...former.map(({ type }) => formerType(type))];
  });
}

function knownTypes(connection: Connection): Promise<Row[]> {
  return connection.query<Row>(`SELECT ${COLUMNS.join(", ")} FROM task_types ORDER BY name`);
}

function toKnown({ name, deliver, keep_ms, configured }: Row): KnownType {
  return { name, deliver, keepMs: keep_ms, configured: configured !== 0 };
}

/** Nobody has said how long its tasks are to be kept. */
function formerType(name: string): KnownType {
  return { name, deliver: "each", keepMs: null, configured: false };
}

async function wakeType(connection: Connection, type: string): Promise<void> {
  const { now } = connection.dialect;
  await connection.run(
    `UPDATE task_responses SET due_at = ${now}, published = 0 WHERE finished_at IS NULL AND due_at IS NOT NULL AND type = ?
       AND status IN (${WAITING}) AND (delay_until IS NULL OR delay_until <= ${now}) AND (retry_at IS NULL OR retry_at <= ${now})`,
    [type],
  );
}

/** Whether any task of the type is stored. */
export async function typeExists(db: Database, type: string): Promise<boolean> {
  const rows = await db.read((connection) =>
    connection.query("SELECT 1 AS one FROM tasks WHERE type = ? LIMIT 1", [type]),
  );
  return rows.length > 0;
}

/** Tasks of this kind of delivery are open, although the type's config has the other kind. Told to the type's managers. */
export async function tellOpenDeliver(db: Database, type: string, deliver: Deliver | null): Promise<void> {
  await db.single((connection) =>
    deliver === null
      ? connection.run("UPDATE endpoint_types SET open_deliver = NULL WHERE type = ? AND open_deliver IS NOT NULL", [
          type,
        ])
      : connection.run(
          "UPDATE endpoint_types SET open_deliver = ? WHERE type = ? AND (open_deliver IS NULL OR open_deliver <> ?)",
          [deliver, type, deliver],
        ),
  );
}

/** Whether a response of that kind of delivery is open. */
export async function isOpen(db: Database, type: string, deliver: Deliver): Promise<boolean> {
  const rows = await db.read((connection) =>
    connection.query(
      `SELECT 1 AS one FROM task_responses${connection.dialect.by("task_responses_agenda")}
       WHERE finished_at IS NULL AND due_at IS NOT NULL AND type = ? AND endpoint ${deliver === "one" ? "=" : "<>"} '*' LIMIT 1`,
      [type],
    ),
  );
  return rows.length > 0;
}
