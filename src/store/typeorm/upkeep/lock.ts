import type { Database } from "../connection";
import { clampMs } from "../times";

/** A lock that ends by itself: whoever holds it renews it well before `ttlMs` are over, by the database's clock. */
export function takeLock(db: Database, name: string, holder: string, ttlMs: number): Promise<boolean> {
  const { now, nowPlus } = db.dialect;
  return db.write(async (connection) => {
    const renewed = await connection.run(
      `UPDATE locks SET holder = ?, expires_at = ${nowPlus("?")} WHERE name = ? AND (holder = ? OR expires_at <= ${now})`,
      [holder, clampMs(ttlMs), name, holder],
    );
    if (renewed > 0) return true;
    const held = await connection.query("SELECT name FROM locks WHERE name = ?", [name]);
    if (held.length > 0) return false;
    const [row] = await connection.query<{ until_at: string }>(`SELECT ${nowPlus("?")} AS until_at`, [clampMs(ttlMs)]);
    try {
      await connection.insert("locks", ["name", "holder", "expires_at"], [[name, holder, row!.until_at.slice(0, 23)]]);
      return true;
    } catch (error) {
      if (db.dialect.isDuplicate(error)) return false;
      throw error;
    }
  });
}

export async function releaseLock(db: Database, name: string, holder: string): Promise<void> {
  await db.single((connection) => connection.run("DELETE FROM locks WHERE name = ? AND holder = ?", [name, holder]));
}
