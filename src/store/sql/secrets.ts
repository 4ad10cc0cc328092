import { randomBytes } from "node:crypto";
import type { Database } from "./connection";

const MESSAGE_KEY = "message-key";

export async function messageKey(db: Database): Promise<string | null> {
  const rows = await db.read((connection) =>
    connection.query<{ value: string }>("SELECT value FROM secrets WHERE name = ?", [MESSAGE_KEY]),
  );
  return rows[0]?.value ?? null;
}

/** If several processes make a key at once, the first insert wins. */
export async function ensureMessageKey(db: Database): Promise<string> {
  const found = await messageKey(db);
  if (found !== null) return found;
  const row = [MESSAGE_KEY, randomBytes(32).toString("hex")];
  await db.write((connection) => connection.insert("secrets", ["name", "value"], [row], "keep"));
  return (await messageKey(db))!;
}
