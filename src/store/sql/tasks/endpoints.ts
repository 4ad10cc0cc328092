import type { ResponseStatus } from "../../../model/response";
import type { EndpointRecord } from "../../store";
import { OPEN, openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { nowOf } from "../rows";
import { groupBy, unique } from "../sql";
import { ENDPOINTS } from "../tables/endpoints";
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
 * What the config of a type lists, in place of what it listed before. Who has registered by a manager stays. A removed endpoint
 * stays removed, whatever the config says; those are returned.
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
      if (by_manager !== 0) {
        await connection.run("UPDATE endpoint_types SET by_config = 0 WHERE type = ? AND endpoint = ?", [
          type,
          endpoint,
        ]);
      } else await dropTypes(connection, endpoint, [type]);
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

/** The endpoint is not expected for these types any more; their queues there are to go. */
export async function dropTypes(connection: Connection, endpoint: string, types: readonly string[]): Promise<void> {
  if (types.length === 0) return;
  const list = connection.dialect.isIn("type", types);
  await connection.run(`DELETE FROM endpoint_types WHERE endpoint = ? AND ${list.text}`, [endpoint, ...list.values]);
  const [row] = await connection.query<{ leaving: string | null }>("SELECT leaving FROM endpoints WHERE name = ?", [
    endpoint,
  ]);
  const leaving = unique([...leavingOf(row?.leaving ?? null), ...types]);
  await connection.run("UPDATE endpoints SET leaving = ? WHERE name = ?", [JSON.stringify(leaving), endpoint]);
}

export function leavingOf(text: string | null): string[] {
  return text === null ? [] : (JSON.parse(text) as string[]);
}

/**
 * What waits for an endpoint that was not registered until now becomes due: its queue is there from now on. The version moves, so that a
 * reconciler that has just looked and found nobody cannot put the row off.
 */
export async function addTypes(
  connection: Connection,
  pairs: ReadonlyArray<{ type: string; endpoint: string }>,
  by: "config" | "manager",
): Promise<void> {
  const { now } = connection.dialect;
  for (const [endpoint, group] of groupBy(pairs, (pair) => pair.endpoint)) {
    const rows = await connection.query<{ type: string; by_config: number }>(
      "SELECT type, by_config FROM endpoint_types WHERE endpoint = ?",
      [endpoint],
    );
    const known = new Map(rows.map((row) => [row.type, row]));
    const fresh = group.map((pair) => pair.type).filter((type) => !known.has(type));
    if (by === "config") {
      const again = group.map((pair) => pair.type).filter((type) => known.get(type)?.by_config === 0);
      for (const type of again) {
        await connection.run("UPDATE endpoint_types SET by_config = 1 WHERE type = ? AND endpoint = ?", [
          type,
          endpoint,
        ]);
      }
    }
    if (fresh.length === 0) continue;
    // A manager's user may not say more than which; that it was a manager is the default.
    if (by === "manager") {
      const values = fresh.map((type) => [type, endpoint]);
      await connection.insert("endpoint_types", ["type", "endpoint"], values, "keep");
    } else {
      const values = fresh.map((type) => [type, endpoint, 1, 0]);
      await connection.insert("endpoint_types", ["type", "endpoint", "by_config", "by_manager"], values, "keep");
    }
    const types = connection.dialect.isIn("type", fresh);
    await connection.run(
      `UPDATE task_responses SET due_at = ${now}, version = version + 1 WHERE ${openRows()} AND endpoint = ? AND status = 'expected'
         AND (delay_until IS NULL OR delay_until <= ${now}) AND ${types.text}`,
      [endpoint, ...types.values],
    );
  }
}

/** All endpoints that were not removed, or the one of that name. */
export function listEndpoints(db: Database, name?: string): Promise<EndpointRecord[]> {
  const present = name === undefined ? "" : " AND name = ?";
  const only = name === undefined ? "1 = 1" : "endpoint = ?";
  const values = name === undefined ? [] : [name];
  return db.read(async (connection) => {
    const endpoints = await connection.query<object>(
      `SELECT ${ENDPOINTS.select()} FROM endpoints WHERE removed_at IS NULL${present} ORDER BY name`,
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
        lastSeenAt:
          own
            .map(({ heartbeatAt }) => heartbeatAt)
            .sort()
            .at(-1) ?? null,
        alive: own.some(({ state, silent }) => (state === "alive" || state === "draining") && !silent),
        managers: own.map(({ silent, types, ...manager }) => manager),
      };
    });
  });
}

export function openCounts(
  db: Database,
): Promise<Array<{ type: string; endpoint: string; status: ResponseStatus; count: number }>> {
  return db.read(async (connection) => {
    const rows = await connection.query<{ type: string; endpoint: string; status: ResponseStatus; number_of: number }>(
      `SELECT type, endpoint, status, COUNT(*) AS number_of FROM task_responses
       WHERE ${openRows()} AND status IN (${OPEN})
       GROUP BY type, endpoint, status`,
    );
    return rows.map(({ type, endpoint, status, number_of }) => ({ type, endpoint, status, count: Number(number_of) }));
  });
}
