import type { Admission, LeavingEndpoint } from "../../store";
import { LIVING } from "../conditions";
import type { Connection, Database } from "../connection";
import { leasesAreDue } from "../managers/register";
import { addTypes, dropTypes, leavingOf } from "../tasks/endpoints";
import { type ManagerRow, managersWhere } from "../tasks/managers";
import { endOpen } from "../tasks/remove-endpoint";
import { backToDb, dbToMs, parsed } from "../times";

/**
 * What managers said as they registered, and what follows from it: a registration replaces what its endpoint's managers have said
 * before, as far as no other living one serves the type; what the config lists stays. The first manager that registers under a
 * removed name begins a new life of it.
 */
export async function admitManagers(db: Database): Promise<Admission[]> {
  const fresh = await db.read((connection) =>
    connection.query<{ endpoint: string; removed_at: string | null }>(
      `SELECT DISTINCT m.endpoint, e.removed_at FROM managers m JOIN endpoints e ON e.name = m.endpoint
       WHERE m.state IN ('alive', 'draining', 'stopped') AND m.admitted = 0 ORDER BY m.endpoint`,
    ),
  );
  const admissions: Admission[] = [];
  for (const { endpoint, removed_at } of fresh) {
    // A new life begins with nothing of the old one.
    if (removed_at !== null) await endOpen(db, endpoint, removed_at);
    admissions.push(await db.write((connection) => admitAt(connection, endpoint)));
  }
  return admissions;
}

async function admitAt(connection: Connection, endpoint: string): Promise<Admission> {
  const { forUpdate } = connection.dialect;
  const [row] = await connection.query<{ removed_at: string | null; renamed_to: string | null }>(
    `SELECT removed_at, renamed_to FROM endpoints WHERE name = ?${forUpdate}`,
    [endpoint],
  );
  const all = await managersWhere(
    connection,
    `endpoint = ? AND (${LIVING} OR (state = 'stopped' AND admitted = 0)) ORDER BY started_at, id`,
    [endpoint],
  );
  const ended = row?.removed_at ?? null;
  const belongs = (manager: ManagerRow) =>
    ended === null || (row!.renamed_to === null && parsed(manager.startedAt) > dbToMs(ended));
  const managers = all.filter(belongs);
  for (const { id } of all.filter((manager) => !belongs(manager))) await retire(connection, id, endpoint);
  await connection.run("UPDATE managers SET admitted = 1 WHERE endpoint = ? AND admitted = 0", [endpoint]);
  if (managers.length === 0 && ended === null) return { endpoint, gaveUp: [], begun: false };
  if (managers.length === 0) {
    const types = await registeredAt(connection, endpoint);
    await dropTypes(
      connection,
      endpoint,
      types.map(({ type }) => type),
    );
    return { endpoint, gaveUp: [], begun: false };
  }
  if (ended !== null) {
    await connection.run("UPDATE endpoints SET removed_at = NULL, first_seen_at = ? WHERE name = ?", [
      backToDb(managers[0]!.startedAt),
      endpoint,
    ]);
  }
  const gaveUp = await replaceTypes(
    connection,
    endpoint,
    managers.filter((manager) => manager.state !== "stopped" && !manager.silent),
  );
  return { endpoint, gaveUp, begun: ended !== null };
}

async function retire(connection: Connection, managerId: string, endpoint: string): Promise<void> {
  await connection.run(
    `UPDATE managers SET state = 'retired', stopped_at = ${connection.dialect.now} WHERE id = ? AND ${LIVING}`,
    [managerId],
  );
  await leasesAreDue(connection, managerId, endpoint);
}

function registeredAt(
  connection: Connection,
  endpoint: string,
): Promise<Array<{ type: string; by_config: number; by_manager: number }>> {
  return connection.query("SELECT type, by_config, by_manager FROM endpoint_types WHERE endpoint = ? ORDER BY type", [
    endpoint,
  ]);
}

/** Resolves to the types that nobody serves there any more. */
async function replaceTypes(
  connection: Connection,
  endpoint: string,
  living: readonly ManagerRow[],
): Promise<string[]> {
  if (living.length === 0 || living.some(({ types }) => types === null)) return [];
  const served = new Set(living.flatMap(({ types }) => types!));
  const rows = await registeredAt(connection, endpoint);
  const set = (type: string, value: number) =>
    connection.run("UPDATE endpoint_types SET by_manager = ? WHERE endpoint = ? AND type = ?", [value, endpoint, type]);
  for (const { type, by_manager } of rows) if (by_manager === 0 && served.has(type)) await set(type, 1);
  const gaveUp = rows.filter(({ type, by_manager }) => by_manager !== 0 && !served.has(type));
  for (const { type, by_config } of gaveUp) if (by_config !== 0) await set(type, 0);
  await dropTypes(
    connection,
    endpoint,
    gaveUp.filter(({ by_config }) => by_config === 0).map(({ type }) => type),
  );
  const known = new Set(rows.map(({ type }) => type));
  const missing = [...served].filter((type) => !known.has(type)).sort();
  await addTypes(
    connection,
    missing.map((type) => ({ type, endpoint })),
    "manager",
  );
  return gaveUp.map(({ type }) => type);
}

/** Endpoints with queues that are to go, and what a removed one has been asked for at the very moment of its removal. */
export async function leavingEndpoints(db: Database): Promise<LeavingEndpoint[]> {
  const rows = await db.read((connection) =>
    connection.query<{ name: string; leaving: string; removed_at: string | null; now_at: string }>(
      `SELECT name, leaving, removed_at, ${connection.dialect.now} AS now_at FROM endpoints WHERE leaving IS NOT NULL ORDER BY name`,
    ),
  );
  const all: LeavingEndpoint[] = [];
  for (const { name, leaving, removed_at, now_at } of rows) {
    if (removed_at !== null) await endOpen(db, name, removed_at);
    const registered = await db.read((connection) => registeredAt(connection, name));
    const here = new Set(registered.map(({ type }) => type));
    all.push({
      name,
      types: leavingOf(leaving).filter((type) => !here.has(type)),
      said: leaving,
      removedMs: removed_at === null ? null : dbToMs(now_at) - dbToMs(removed_at),
    });
  }
  return all;
}

/** Its queues are gone; unless more has been given up meanwhile. */
export async function endpointLeft(db: Database, { name, said }: LeavingEndpoint): Promise<void> {
  await db.single((connection) =>
    connection.run("UPDATE endpoints SET leaving = NULL WHERE name = ? AND leaving = ?", [name, said]),
  );
}
