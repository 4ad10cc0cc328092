import { isId, newId } from "../../model/ids";
import type { AccessStore, AuditEntry } from "../store";
import type { Connection, Database, Value } from "./connection";
import { nowOf } from "./rows";
import { API_KEYS, AUDIT } from "./tables/access";
import { toDb } from "./times";

/** Keys (only their hashes) and the trail of who changed what. */
export function accessStore(db: Database): AccessStore {
  const keysWhere = (where: string, values: Value[] = []) =>
    db.read(async (connection) =>
      (await connection.query<object>(`SELECT ${API_KEYS.all} FROM api_keys${where}`, values)).map(API_KEYS.record),
    );
  return {
    addKey: (key) =>
      db.write(async (connection) => {
        const expires = key.expiresAt === null ? null : toDb(key.expiresAt);
        const types = key.types === null ? null : JSON.stringify(key.types);
        await connection.insert(
          "api_keys",
          ["id", "name", "hash", "scopes", "types", "created_at", "expires_at"],
          [[key.id, key.name, key.hash, JSON.stringify(key.scopes), types, await nowOf(connection), expires]],
          "keep",
        );
      }),
    keys: () => keysWhere(" ORDER BY name, id"),
    key: async (id) => (isAscii(id) ? ((await keysWhere(" WHERE id = ?", [id]))[0] ?? null) : null),
    removeKey: async (id) =>
      isAscii(id) && (await db.single((connection) => connection.run("DELETE FROM api_keys WHERE id = ?", [id]))) > 0,
    touchKeys: async (ids) => {
      const known = ids.filter(isAscii);
      if (known.length === 0) return;
      const list = db.dialect.isIn("id", known);
      await db.single((connection) =>
        connection.run(`UPDATE api_keys SET last_used_at = ${db.dialect.now} WHERE ${list.text}`, list.values),
      );
    },
    audit: (entries) => {
      // Ids are made once, so that a repeated transaction writes the same rows.
      const rows = entries.map((entry) => ({ id: newId(), entry }));
      return rows.length === 0 ? Promise.resolve() : db.write((connection) => insertAudit(connection, rows));
    },
    auditList: (limit, after) => listAudit(db, limit, after),
  };
}

async function insertAudit(
  connection: Connection,
  rows: ReadonlyArray<{ id: string; entry: AuditEntry }>,
): Promise<void> {
  const now = await nowOf(connection);
  await connection.insert(
    "audit",
    ["id", "at", "actor", "action", "task_id", "type", "detail", "remote"],
    rows.map(({ id, entry }) => [
      ...[id, entry.at === undefined ? now : toDb(entry.at), entry.actor, entry.action, entry.taskId, entry.type],
      ...[JSON.stringify(entry.detail), entry.remote],
    ]),
    "keep",
  );
}

function listAudit(db: Database, limit: number, after?: string): Promise<Array<Required<AuditEntry> & { id: string }>> {
  if (after !== undefined && !isId(after)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<object>(
      `SELECT ${AUDIT.all} FROM audit ${after === undefined ? "" : "WHERE id < ?"} ORDER BY id DESC LIMIT ?`,
      after === undefined ? [limit] : [after, limit],
    );
    return rows.map(AUDIT.record);
  });
}

/** The column is ASCII; a comparison with anything else would be an error, not a miss. */
function isAscii(id: string): boolean {
  return /^[\x20-\x7e]{1,64}$/.test(id);
}
