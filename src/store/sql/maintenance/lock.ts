import type { Connection, Database } from "../connection";
import { clampMs } from "../times";

/**
 * A lock that ends by itself: whoever holds it renews it well before `ttlMs` are over, by the database's clock. One that would last
 * much longer than that is free: the clock has been set back, and who is still there renews it. Its row stays, with the place that its
 * last holder has come to.
 */
export function takeLock(
  db: Database,
  name: string,
  holder: string,
  ttlMs: number,
  place: string | null,
): Promise<{ place: string | null } | null> {
  const { now, nowPlus } = db.dialect;
  return db.write(async (connection) => {
    const renewed = await connection.run(
      `UPDATE locks SET holder = ?, expires_at = ${nowPlus("?")}, place = COALESCE(?, place)
       WHERE name = ? AND (holder = ? OR expires_at <= ${now} OR expires_at > ${nowPlus("?")})`,
      [holder, clampMs(ttlMs), place, name, holder, 2 * clampMs(ttlMs)],
    );
    if (renewed > 0 && place !== null) return { place };
    const [row] = await connection.query<{ place: string | null }>("SELECT place FROM locks WHERE name = ?", [name]);
    if (row) return renewed > 0 ? { place: row.place } : null;
    return (await insert(connection, name, holder, ttlMs, place)) ? { place } : null;
  });
}

async function insert(
  connection: Connection,
  name: string,
  holder: string,
  ttlMs: number,
  place: string | null,
): Promise<boolean> {
  const [row] = await connection.query<{ until_at: string }>(`SELECT ${connection.dialect.nowPlus("?")} AS until_at`, [
    clampMs(ttlMs),
  ]);
  try {
    const until = row!.until_at.slice(0, 23);
    await connection.insert("locks", ["name", "holder", "expires_at", "place"], [[name, holder, until, place]]);
    return true;
  } catch (error) {
    if (connection.dialect.isDuplicate(error)) return false;
    throw error;
  }
}

export async function releaseLock(db: Database, name: string, holder: string): Promise<void> {
  await db.single((connection) =>
    connection.run(`UPDATE locks SET holder = '', expires_at = ${db.dialect.now} WHERE name = ? AND holder = ?`, [
      name,
      holder,
    ]),
  );
}
