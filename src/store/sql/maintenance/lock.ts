import type { Database } from "../connection";
import { clampMs, dbToMs, msToDb, nowOf } from "../times";

/**
 * A lock that expires by the database's clock unless its holder renews it within `ttlMs`.
 * A lock that would last for more than twice that is free: the clock has been set back. The row
 * stays, with the position of its last holder.
 */
export function takeLock(
  db: Database,
  name: string,
  holder: string,
  ttlMs: number,
  position: string | null,
): Promise<{ position: string | null } | null> {
  const { now, nowPlus, isDuplicate } = db.dialect;
  const ttl = clampMs(ttlMs);
  return db.write(async (connection) => {
    const renewed = await connection.run(
      `UPDATE locks SET holder = ?, expires_at = ${nowPlus("?")}, place = COALESCE(?, place)
       WHERE name = ? AND (holder = ? OR expires_at <= ${now} OR expires_at > ${nowPlus("?")})`,
      [holder, ttl, position, name, holder, 2 * ttl],
    );
    if (renewed > 0 && position !== null) return { position };
    const [row] = await connection.query<{ position: string | null }>(
      "SELECT place AS position FROM locks WHERE name = ?",
      [name],
    );
    if (row) return renewed > 0 ? { position: row.position } : null;
    const expiresAt = msToDb(dbToMs(await nowOf(connection)) + ttl);
    try {
      await connection.insert(
        "locks",
        ["name", "holder", "expires_at", "place"],
        [[name, holder, expiresAt, position]],
      );
    } catch (error) {
      if (isDuplicate(error)) return null;
      throw error;
    }
    return { position };
  });
}

export async function releaseLock(db: Database, name: string, holder: string): Promise<void> {
  await db.single((connection) =>
    connection.run(`UPDATE locks SET holder = '', expires_at = ${db.dialect.now} WHERE name = ? AND holder = ?`, [
      name,
      holder,
    ]),
  );
}
