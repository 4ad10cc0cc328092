import { StoreUnavailable } from "../../errors";
import { MIGRATIONS } from "../migrations";
import type { Database } from "./connection";

/**
 * Resolves if every migration of this program is applied; later ones do no harm. For a process that
 * may not change the schema and waits for another.
 */
export async function schemaReady(db: Database): Promise<void> {
  const rows = await db.read((connection) => connection.query<{ name: string }>("SELECT name FROM migrations"));
  const applied = new Set(rows.map((row) => row.name));
  const missing = MIGRATIONS.map((migration) => migration.name).filter((name) => !applied.has(name));
  if (missing.length === 0) return;
  throw new StoreUnavailable(
    `The database's schema lacks ${missing.join(", ")}: start the API, or run \`npx tasker initialize\`.`,
  );
}
