import type { Deliver } from "../../../model/task";
import type { KnownType } from "../../store";
import { clocksOver, openRows, WAITING } from "../conditions";
import type { Connection, Database } from "../connection";
import { TASK_TYPES } from "../tables/endpoints";

/**
 * The types of the config, in place of those of before; the others stay known, with how long their tasks are kept. What waits of a
 * type that has come back, or is delivered otherwise now, is due: its messages may lie where nobody looks. Resolves to all types.
 */
export function configureTypes(db: Database, types: readonly Omit<KnownType, "configured">[]): Promise<KnownType[]> {
  return db.write(async (connection) => {
    const known = new Map((await knownTypes(connection)).map((type) => [type.name, type]));
    const fresh = types.filter(({ name }) => !known.has(name));
    const columns = ["name", "deliver", "keep_ms", "configured"];
    const rows = fresh.map(({ name, deliver, keepMs }) => [name, deliver, keepMs, 1]);
    await connection.insert("task_types", columns, rows, "keep");
    for (const { name, deliver, keepMs } of types) {
      const before = known.get(name);
      if (!before) continue;
      if (!before.configured || before.deliver !== deliver) await wakeType(connection, name);
      if (before.configured && before.deliver === deliver && before.keepMs === keepMs) continue;
      await connection.run("UPDATE task_types SET deliver = ?, keep_ms = ?, configured = 1 WHERE name = ?", [
        deliver,
        keepMs,
        name,
      ]);
    }
    const configured = new Set(types.map(({ name }) => name));
    for (const { name } of [...known.values()].filter((type) => type.configured && !configured.has(type.name)))
      await connection.run("UPDATE task_types SET configured = 0 WHERE name = ?", [name]);
    // Types from before they were noted, and those that only another API's config has.
    const stored = await connection.query<{ type: string }>(connection.dialect.everyType);
    const all = await knownTypes(connection);
    const former = stored.filter(({ type }) => !all.some(({ name }) => name === type));
    return [...all, ...former.map(({ type }) => formerType(type))];
  });
}

async function knownTypes(connection: Connection): Promise<KnownType[]> {
  const rows = await connection.query<KnownType>(`SELECT ${TASK_TYPES.select()} FROM task_types ORDER BY name`);
  return rows.map((type) => ({ ...type, configured: Number(type.configured) !== 0 }));
}

/** Nobody has said how long its tasks are to be kept. */
function formerType(name: string): KnownType {
  return { name, deliver: "each", keepMs: null, configured: false };
}

async function wakeType(connection: Connection, type: string): Promise<void> {
  const { now } = connection.dialect;
  await connection.run(
    `UPDATE task_responses SET due_at = ${now}, published = 0 WHERE ${openRows()} AND type = ?
       AND status IN (${WAITING}) AND ${clocksOver(now)}`,
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
       WHERE ${openRows()} AND type = ? AND endpoint ${deliver === "one" ? "=" : "<>"} '*' LIMIT 1`,
      [type],
    ),
  );
  return rows.length > 0;
}
