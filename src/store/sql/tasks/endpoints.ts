import { groupBy } from "../../../group-by";
import type { EndpointRecord, TaskStore } from "../../store";
import { OPEN, openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { unique } from "../sql";
import { ENDPOINTS } from "../tables/endpoints";
import { nowOf } from "../times";
import { managersWhere } from "./managers";

export async function endpointsOfType(db: Database, type: string): Promise<string[]> {
  const rows = await db.read((connection) =>
    connection.query<{ endpoint: string }>("SELECT endpoint FROM endpoint_types WHERE type = ? ORDER BY endpoint", [
      type,
    ]),
  );
  return rows.map((row) => row.endpoint);
}

/**
 * Replaces the endpoints that the config lists for the type. Endpoints that a manager has
 * registered stay, and removed ones stay removed.
 */
export function registerEndpoints(db: Database, type: string, endpoints: readonly string[]): Promise<string[]> {
  return db.write(async (connection) => {
    const wanted = unique(endpoints);
    const removed = new Set(await removedAmong(connection, wanted));
    const listed = wanted.filter((name) => !removed.has(name));
    if (listed.length > 0) {
      const now = await nowOf(connection);
      const rows = listed.map((name) => [name, "{}", now]);
      await connection.insert("endpoints", ["name", "labels", "first_seen_at"], rows, "keep");
      await addTypes(
        connection,
        listed.map((endpoint) => ({ type, endpoint })),
        "config",
      );
    }
    const before = await connection.query<{ endpoint: string; by_manager: number }>(
      "SELECT endpoint, by_manager FROM endpoint_types WHERE type = ? AND by_config = 1",
      [type],
    );
    for (const { endpoint, by_manager } of before.filter((row) => !listed.includes(row.endpoint))) {
      if (by_manager === 0) await dropTypes(connection, endpoint, [type]);
      else await setByConfig(connection, endpoint, type, 0);
    }
    return [...removed];
  });
}

async function removedAmong(connection: Connection, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const list = connection.dialect.isIn("name", names);
  const rows = await connection.query<{ name: string }>(
    `SELECT name FROM endpoints WHERE removed_at IS NOT NULL AND ${list.text}`,
    list.values,
  );
  return rows.map((row) => row.name);
}

async function setByConfig(connection: Connection, endpoint: string, type: string, value: number): Promise<void> {
  const values = [value, type, endpoint];
  await connection.run("UPDATE endpoint_types SET by_config = ? WHERE type = ? AND endpoint = ?", values);
}

/** The types that the endpoint is registered for, and by whom. */
export function registrationsAt(
  connection: Connection,
  endpoint: string,
): Promise<Array<{ type: string; by_config: number; by_manager: number }>> {
  const columns = "type, by_config, by_manager";
  return connection.query(`SELECT ${columns} FROM endpoint_types WHERE endpoint = ? ORDER BY type`, [endpoint]);
}

/** Deletes registrations and notes that the types' queues there are to be deleted. */
export async function dropTypes(connection: Connection, endpoint: string, types: readonly string[]): Promise<void> {
  if (types.length === 0) return;
  const list = connection.dialect.isIn("type", types);
  await connection.run(`DELETE FROM endpoint_types WHERE endpoint = ? AND ${list.text}`, [endpoint, ...list.values]);
  const [row] = await connection.query<{ leaving: string | null }>("SELECT leaving FROM endpoints WHERE name = ?", [
    endpoint,
  ]);
  const leaving = addLeaving(row?.leaving ?? null, types);
  await connection.run("UPDATE endpoints SET leaving = ? WHERE name = ?", [leaving, endpoint]);
}

/** Types whose queues at the endpoint are to be deleted. @param text the column `leaving` */
export function leavingTypes(text: string | null): string[] {
  return text === null ? [] : (JSON.parse(text) as string[]);
}

export function addLeaving(text: string | null, types: readonly string[]): string {
  return JSON.stringify(unique([...leavingTypes(text), ...types]));
}

/**
 * Registers endpoints. Responses that wait for a newly registered one become due: its queue exists
 * from now on. Their version changes, so that a reconciler that found no queue cannot postpone
 * them.
 */
export async function addTypes(
  connection: Connection,
  pairs: ReadonlyArray<{ type: string; endpoint: string }>,
  by: "config" | "manager",
): Promise<void> {
  const { now } = connection.dialect;
  for (const [endpoint, group] of groupBy(pairs, (pair) => pair.endpoint)) {
    const known = new Map((await registrationsAt(connection, endpoint)).map((row) => [row.type, row]));
    const fresh: string[] = [];
    for (const { type } of group) {
      const row = known.get(type);
      if (!row) fresh.push(type);
      else if (by === "config" && row.by_config === 0) await setByConfig(connection, endpoint, type, 1);
    }
    if (fresh.length === 0) continue;
    // The defaults are a manager's, because its database user has no right to write these columns.
    const origin = by === "config" ? { by_config: 1, by_manager: 0 } : {};
    const rows = fresh.map((type) => [type, endpoint, ...Object.values(origin)]);
    await connection.insert("endpoint_types", ["type", "endpoint", ...Object.keys(origin)], rows, "keep");
    const types = connection.dialect.isIn("type", fresh);
    await connection.run(
      `UPDATE task_responses SET due_at = ${now}, version = version + 1
       WHERE ${openRows()} AND endpoint = ? AND status = 'expected'
         AND (delay_until IS NULL OR delay_until <= ${now}) AND ${types.text}`,
      [endpoint, ...types.values],
    );
  }
}

export function listEndpoints(db: Database, name?: string): Promise<EndpointRecord[]> {
  const present = name === undefined ? "" : " AND name = ?";
  const only = name === undefined ? "1 = 1" : "endpoint = ?";
  const values = name === undefined ? [] : [name];
  return db.read(async (connection) => {
    const endpoints = await connection.query<object>(
      `SELECT ${ENDPOINTS.all} FROM endpoints WHERE removed_at IS NULL${present} ORDER BY name`,
      values,
    );
    const types = await connection.query<{ type: string; endpoint: string }>(
      `SELECT type, endpoint FROM endpoint_types WHERE ${only} ORDER BY type`,
      values,
    );
    const managers = await managersWhere(connection, `${only} ORDER BY started_at, id`, values);
    const typesOf = groupBy(types, (row) => row.endpoint);
    const managersOf = groupBy(managers, (row) => row.endpoint);
    return endpoints.map(ENDPOINTS.record).map((endpoint): EndpointRecord => {
      const own = managersOf.get(endpoint.name) ?? [];
      return {
        ...endpoint,
        types: (typesOf.get(endpoint.name) ?? []).map(({ type }) => type),
        lastSeenAt: unique(own.map(({ heartbeatAt }) => heartbeatAt)).at(-1) ?? null,
        alive: own.some(({ state, silent }) => (state === "alive" || state === "draining") && !silent),
        managers: own.map(({ silent, types, ...manager }) => manager),
      };
    });
  });
}

type OpenCount = Awaited<ReturnType<TaskStore["openCounts"]>>[number];

export function openCounts(db: Database): Promise<OpenCount[]> {
  return db.read(async (connection) => {
    const rows = await connection.query<OpenCount>(
      `SELECT type, endpoint, status, COUNT(*) AS count FROM task_responses
       WHERE ${openRows()} AND status IN (${OPEN}) GROUP BY type, endpoint, status`,
    );
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  });
}
