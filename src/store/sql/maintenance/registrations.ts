import type { LeavingEndpoint, RegistrationResult } from "../../store";
import { LIVING } from "../conditions";
import type { Connection, Database } from "../connection";
import { addTypes, dropTypes, leavingTypes, registrationsAt } from "../tasks/endpoints";
import { type ManagerRow, managersWhere } from "../tasks/managers";
import { endOpen } from "../tasks/remove-endpoint";
import { retireManager } from "../tasks/retire-manager";
import { backToDb, dbToMs, parsed } from "../times";

/**
 * Applies what managers have registered since the last call. An endpoint's registered types become
 * those that its living managers serve together; types that the config lists stay. The first
 * manager to register under a removed name revives it.
 */
export async function applyRegistrations(db: Database): Promise<RegistrationResult[]> {
  const fresh = await db.read((connection) =>
    connection.query<{ endpoint: string; removed_at: string | null }>(
      `SELECT DISTINCT m.endpoint, e.removed_at FROM managers m JOIN endpoints e ON e.name = m.endpoint
       WHERE m.state IN ('alive', 'draining', 'stopped') AND m.admitted = 0 ORDER BY m.endpoint`,
    ),
  );
  const results: RegistrationResult[] = [];
  for (const { endpoint, removed_at } of fresh) {
    // A revived endpoint has no responses from before.
    if (removed_at !== null) await endOpen(db, endpoint, removed_at);
    results.push(await db.write((connection) => applyAt(connection, endpoint)));
  }
  return results;
}

async function applyAt(connection: Connection, endpoint: string): Promise<RegistrationResult> {
  const [row] = await connection.query<{ removed_at: string | null; renamed_to: string | null }>(
    `SELECT removed_at, renamed_to FROM endpoints WHERE name = ?${connection.dialect.forUpdate}`,
    [endpoint],
  );
  const all = await managersWhere(
    connection,
    `endpoint = ? AND (${LIVING} OR (state = 'stopped' AND admitted = 0)) ORDER BY started_at, id`,
    [endpoint],
  );
  const removedAt = row?.removed_at ?? null;
  const isNew = ({ startedAt }: ManagerRow) =>
    removedAt === null || (row!.renamed_to === null && parsed(startedAt) > dbToMs(removedAt));
  const managers = all.filter(isNew);
  for (const { id } of all.filter((manager) => !isNew(manager))) await retireManager(connection, id, endpoint);
  await connection.run("UPDATE managers SET admitted = 1 WHERE endpoint = ? AND admitted = 0", [endpoint]);
  if (managers.length === 0) {
    if (removedAt !== null) await dropTypes(connection, endpoint, typesOf(await registrationsAt(connection, endpoint)));
    return { endpoint, droppedTypes: [], revived: false };
  }
  if (removedAt !== null) {
    await connection.run("UPDATE endpoints SET removed_at = NULL, first_seen_at = ? WHERE name = ?", [
      backToDb(managers[0]!.startedAt),
      endpoint,
    ]);
  }
  const living = managers.filter(({ state, silent }) => state !== "stopped" && !silent);
  return { endpoint, droppedTypes: await replaceTypes(connection, endpoint, living), revived: removedAt !== null };
}

const typesOf = (rows: ReadonlyArray<{ type: string }>) => rows.map(({ type }) => type);

/** Resolves to the types that no manager serves there any more. */
async function replaceTypes(
  connection: Connection,
  endpoint: string,
  living: readonly ManagerRow[],
): Promise<string[]> {
  if (living.length === 0 || living.some(({ types }) => types === null)) return [];
  const served = new Set(living.flatMap(({ types }) => types!));
  const rows = await registrationsAt(connection, endpoint);
  const setByManager = (type: string, value: number) =>
    connection.run("UPDATE endpoint_types SET by_manager = ? WHERE endpoint = ? AND type = ?", [value, endpoint, type]);
  for (const { type, by_manager } of rows) if (by_manager === 0 && served.has(type)) await setByManager(type, 1);
  const dropped = rows.filter(({ type, by_manager }) => by_manager !== 0 && !served.has(type));
  for (const { type, by_config } of dropped) if (by_config !== 0) await setByManager(type, 0);
  await dropTypes(connection, endpoint, typesOf(dropped.filter(({ by_config }) => by_config === 0)));
  const known = new Set(typesOf(rows));
  const missing = [...served].filter((type) => !known.has(type)).sort();
  await addTypes(
    connection,
    missing.map((type) => ({ type, endpoint })),
    "manager",
  );
  return typesOf(dropped);
}

/** Also ends responses that were stored at a removed endpoint while it was being removed. */
export async function leavingEndpoints(db: Database): Promise<LeavingEndpoint[]> {
  const rows = await db.read((connection) =>
    connection.query<{ name: string; leaving: string; removed_at: string | null; now_at: string }>(
      `SELECT name, leaving, removed_at, ${connection.dialect.now} AS now_at FROM endpoints
       WHERE leaving IS NOT NULL ORDER BY name`,
    ),
  );
  const all: LeavingEndpoint[] = [];
  for (const { name, leaving, removed_at, now_at } of rows) {
    if (removed_at !== null) await endOpen(db, name, removed_at);
    const registered = new Set(typesOf(await db.read((connection) => registrationsAt(connection, name))));
    all.push({
      name,
      types: leavingTypes(leaving).filter((type) => !registered.has(type)),
      seen: leaving,
      removedMs: removed_at === null ? null : dbToMs(now_at) - dbToMs(removed_at),
    });
  }
  return all;
}

export async function clearLeaving(db: Database, { name, seen }: LeavingEndpoint): Promise<void> {
  await db.single((connection) =>
    connection.run("UPDATE endpoints SET leaving = NULL WHERE name = ? AND leaving = ?", [name, seen]),
  );
}
