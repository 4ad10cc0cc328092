import { groupBy } from "../../../group-by";
import { overdue } from "../../../model/completeness";
import { ANY_ENDPOINT } from "../../../model/names";
import type { ResponseBrief, TaskWithResponses } from "../../store";
import { LIVING } from "../conditions";
import type { Database } from "../connection";
import { chunks, MAX_LIST, unique } from "../sql";

/**
 * An endpoint lives for a task type while it is registered for it and has a manager that has
 * neither left nor been declared dead. The age of its heartbeat does not count: after an outage of
 * the database all are old, and the reconciler waits before it declares managers dead.
 */
const LIVING_AT = `endpoint_types e JOIN managers m ON m.endpoint = e.endpoint WHERE m.${LIVING}`;

/** SQL: the endpoint in one column lives for the type in another; `*` means any endpoint. */
export function lives(type: string, endpoint: string): string {
  const isAny = `${endpoint} = '${ANY_ENDPOINT}'`;
  return `(SELECT 1 FROM ${LIVING_AT} AND e.type = ${type} AND (e.endpoint = ${endpoint} OR ${isAny}) LIMIT 1) IS NOT NULL`;
}

/** Sets `living` of tasks with overdue endpoints; without one it reads nothing. */
export async function addLiving(db: Database, found: Iterable<TaskWithResponses<ResponseBrief>>): Promise<void> {
  const overdueTasks = [...found].flatMap((reading) => {
    const endpoints = overdue(reading.responses, reading.task.waitUntil <= reading.now);
    return endpoints.length > 0 ? [{ reading, type: reading.task.type, endpoints }] : [];
  });
  for (const [type, tasks] of groupBy(overdueTasks, (one) => one.type)) {
    const living = await livingOf(db, type, unique(tasks.flatMap((one) => one.endpoints)));
    for (const { reading, endpoints } of tasks) reading.living = new Set(endpoints.filter((name) => living.has(name)));
  }
}

async function livingOf(db: Database, type: string, endpoints: readonly string[]): Promise<ReadonlySet<string>> {
  const living = new Set<string>();
  if (endpoints.includes(ANY_ENDPOINT)) {
    const query = `SELECT 1 FROM ${LIVING_AT} AND e.type = ? LIMIT 1`;
    const rows = await db.read((connection) => connection.query(query, [type]));
    if (rows.length > 0) living.add(ANY_ENDPOINT);
  }
  for (const part of chunks(endpoints, MAX_LIST)) {
    const named = db.dialect.isIn("e.endpoint", part);
    const query = `SELECT DISTINCT e.endpoint AS name FROM ${LIVING_AT} AND e.type = ? AND ${named.text}`;
    const rows = await db.read((connection) => connection.query<{ name: string }>(query, [type, ...named.values]));
    for (const { name } of rows) living.add(name);
  }
  return living;
}
