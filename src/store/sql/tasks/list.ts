import { firstIdAt, isId } from "../../../model/ids";
import { ANY_ENDPOINT } from "../../../model/names";
import { TASK_STATUSES, type TaskRecord } from "../../../model/task";
import type { TaskFilter } from "../../store";
import type { Connection, Database } from "../connection";
import { compare, Sql } from "../sql";
import { TASKS } from "../tables/tasks";

/**
 * The most (type, status) pairs in a UNION; SQLite takes at most 500 SELECTs. More are one scan by
 * id.
 */
const MAX_RANGES = 420;

/**
 * Newest first, by id. Ids are ordered by time, so a page of any age is a range of an index. Each
 * pair of type and status is a range of its own; the first page of each is read, and the pages are
 * merged.
 */
export function listTasks(db: Database, filter: TaskFilter): Promise<TaskRecord[]> {
  if (filter.types?.length === 0 || filter.status?.length === 0 || filter.endpointStatus?.length === 0)
    return Promise.resolve([]);
  if (filter.after !== undefined && !isId(filter.after)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const ids =
      filter.endpoint === undefined ? await idsByTask(connection, filter) : await idsByEndpoint(connection, filter);
    if (ids.length === 0) return [];
    const list = db.dialect.isIn("id", ids);
    const rows = await connection.query<TaskRecord>(`SELECT ${TASKS.all} FROM tasks WHERE ${list.text}`, list.values);
    return rows.map(TASKS.record).sort((a, b) => compare(b.id, a.id));
  });
}

export async function newestTask(db: Database, type: string): Promise<TaskRecord | null> {
  return (await listTasks(db, { type, limit: 1 }))[0] ?? null;
}

/** The index is (type, status, id): types and statuses that the filter leaves open are listed. */
async function idsByTask(connection: Connection, filter: TaskFilter): Promise<string[]> {
  const types = await typesOf(connection, filter);
  const everyStatus = types && filter.identifier === undefined ? TASK_STATUSES : [undefined];
  const pairs = (types ?? [undefined]).flatMap((type) =>
    (filter.status ?? everyStatus).map((status) => ({ type, status })),
  );
  if (pairs.length === 0) return [];
  if (pairs.length > MAX_RANGES) {
    const sql = new Sql("SELECT id FROM tasks WHERE 1 = 1");
    if (types) sql.add(" AND ").append(connection.dialect.isIn("type", types));
    if (filter.status) sql.add(" AND ").append(connection.dialect.isIn("status", filter.status));
    return idsOf(connection, inRange(sql, filter, "id"), filter.limit);
  }
  const union = new Sql();
  for (const [index, { type, status }] of pairs.entries()) {
    if (index > 0) union.add(" UNION ALL ");
    union.add("SELECT id FROM (SELECT id FROM tasks WHERE 1 = 1");
    if (type !== undefined) union.add(" AND type = ?", type);
    if (status !== undefined) union.add(" AND status = ?", status);
    inRange(union, filter, "id").add(` ORDER BY id DESC LIMIT ?) AS page_${index}`, filter.limit);
  }
  return idsOf(connection, new Sql(`SELECT id FROM (${union.text}) AS pages WHERE 1 = 1`, union.values), filter.limit);
}

/** The types to read; undefined: all. Identifiers and statuses are indexed by type only. */
async function typesOf(connection: Connection, filter: TaskFilter): Promise<readonly string[] | undefined> {
  if (filter.type !== undefined) return !filter.types || filter.types.includes(filter.type) ? [filter.type] : [];
  if (filter.types) return filter.types;
  if (filter.identifier === undefined && filter.status === undefined) return undefined;
  return (await connection.query<{ type: string }>(connection.dialect.everyType)).map((row) => row.type);
}

/** Tasks with a response of the endpoint, or with a shared one that it took. */
async function idsByEndpoint(connection: Connection, filter: TaskFilter): Promise<string[]> {
  const endpoint = filter.endpoint!;
  const ids = new Set<string>();
  for (const [key, performer] of [
    [endpoint, null],
    [ANY_ENDPOINT, endpoint],
  ] as const) {
    const sql = new Sql("SELECT DISTINCT r.task_id AS id FROM task_responses r");
    const byTask = filter.status !== undefined || filter.identifier !== undefined;
    if (byTask) sql.add(" JOIN tasks t ON t.id = r.task_id");
    sql.add(" WHERE r.endpoint = ?", key);
    if (performer !== null) sql.add(" AND r.performer = ?", performer);
    if (filter.endpointStatus) sql.add(" AND ").append(connection.dialect.isIn("r.status", filter.endpointStatus));
    if (filter.type !== undefined) sql.add(" AND r.type = ?", filter.type);
    if (filter.types) sql.add(" AND ").append(connection.dialect.isIn("r.type", filter.types));
    if (filter.status) sql.add(" AND ").append(connection.dialect.isIn("t.status", filter.status));
    inRange(sql, filter, "r.task_id", byTask ? "t.identifier" : null);
    for (const id of await idsOf(connection, sql, filter.limit)) ids.add(id);
  }
  return [...ids].sort((a, b) => compare(b, a)).slice(0, filter.limit);
}

function inRange(sql: Sql, filter: TaskFilter, id: string, identifier: string | null = "identifier"): Sql {
  if (filter.identifier !== undefined && identifier !== null) sql.add(` AND ${identifier} = ?`, filter.identifier);
  if (filter.after !== undefined) sql.add(` AND ${id} < ?`, filter.after);
  if (filter.createdAfter !== undefined) sql.add(` AND ${id} >= ?`, firstIdAt(Date.parse(filter.createdAfter)));
  if (filter.createdBefore !== undefined) sql.add(` AND ${id} < ?`, firstIdAt(Date.parse(filter.createdBefore)));
  return sql;
}

async function idsOf(connection: Connection, sql: Sql, limit: number): Promise<string[]> {
  const rows = await connection.query<{ id: string }>(`${sql.text} ORDER BY id DESC LIMIT ?`, [...sql.values, limit]);
  return rows.map((row) => row.id);
}
