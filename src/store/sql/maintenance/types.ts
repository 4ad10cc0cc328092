import type { Deliver } from "../../../model/task";
import type { KnownType } from "../../store";
import { openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { TASK_TYPES } from "../tables/endpoints";
import { markTypeUnpublished } from "./mark";

/**
 * Former types stay known, with their keep time. Waiting responses of a type that is back or has
 * another `deliver` become due, because their messages may be in a queue that no manager reads.
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
      if (!before.configured || before.deliver !== deliver) await markTypeUnpublished(connection, name);
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
    // Types from before this table existed, and types of another API's config.
    const stored = await connection.query<{ type: string }>(connection.dialect.everyType);
    const all = await knownTypes(connection);
    const former = stored.filter(({ type }) => !all.some(({ name }) => name === type));
    return [
      ...all,
      ...former.map(({ type }): KnownType => ({ name: type, deliver: "each", keepMs: null, configured: false })),
    ];
  });
}

async function knownTypes(connection: Connection): Promise<KnownType[]> {
  const rows = await connection.query<KnownType>(`SELECT ${TASK_TYPES.all} FROM task_types ORDER BY name`);
  return rows.map((type) => ({ ...type, configured: Number(type.configured) !== 0 }));
}

export async function typeExists(db: Database, type: string): Promise<boolean> {
  const rows = await db.read((connection) =>
    connection.query("SELECT 1 AS one FROM tasks WHERE type = ? LIMIT 1", [type]),
  );
  return rows.length > 0;
}

export async function setOpenDeliver(db: Database, type: string, deliver: Deliver | null): Promise<void> {
  const [differs, values] =
    deliver === null ? ["open_deliver IS NOT NULL", []] : ["(open_deliver IS NULL OR open_deliver <> ?)", [deliver]];
  await db.single((connection) =>
    connection.run(`UPDATE endpoint_types SET open_deliver = ? WHERE type = ? AND ${differs}`, [
      deliver,
      type,
      ...values,
    ]),
  );
}

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
