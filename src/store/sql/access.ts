import { isId, newId } from "../../model/ids";
import type { AccessStore } from "../store";
import type { Database, Value } from "./connection";
import { API_KEYS, AUDIT } from "./tables/access";
import { insertNow } from "./tables/table";

/** API keys, of which only hashes are stored, and the audit trail. */
export function accessStore(db: Database): AccessStore {
  const keysWhere = (where: string, values: Value[] = []) =>
    db.read(async (connection) =>
      (await connection.query<object>(`SELECT ${API_KEYS.all} FROM api_keys${where}`, values)).map(API_KEYS.record),
    );
  return {
    addKey: (key) => db.write((connection) => insertNow(connection, API_KEYS, [key])),
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
    audit: async (entries) => {
      // Ids are made here, so that a repeated transaction writes the same rows.
      const rows = entries.map((entry) => ({ ...entry, id: newId() }));
      if (rows.length > 0) await db.write((connection) => insertNow(connection, AUDIT, rows));
    },
    auditList: async (limit, after) => {
      if (after !== undefined && !isId(after)) return [];
      const [where, values] = after === undefined ? ["", []] : ["WHERE id < ?", [after]];
      const sql = `SELECT ${AUDIT.all} FROM audit ${where} ORDER BY id DESC LIMIT ?`;
      const rows = await db.read((connection) => connection.query<object>(sql, [...values, limit]));
      return rows.map(AUDIT.record);
    },
  };
}

/** The column is ASCII, and MySQL rejects a comparison with other text. */
function isAscii(id: string): boolean {
  return /^[\x20-\x7e]{1,64}$/.test(id);
}
