import { Batcher } from "../../../batcher";
import { NOBODY } from "../../../model/completeness";
import { isId } from "../../../model/ids";
import type { AttemptRecord, ResponseKey, ResponseRecord } from "../../../model/response";
import type { TaskRecord } from "../../../model/task";
import type { LogChunk, ResponseBrief, ResponseFilter, TaskWithResponses } from "../../store";
import type { Database } from "../connection";
import { chunks, MAX_LIST, Sql, unique } from "../sql";
import { ATTEMPTS } from "../tables/attempts";
import { LOGS } from "../tables/others";
import { BRIEF_RESPONSE, RESPONSES } from "../tables/responses";
import { TASKS } from "../tables/tasks";
import { fromDb, nowOf } from "../times";
import { addLiving } from "./living";

/** Few reads share two statements, so that one large task does not delay many small ones. */
const BATCH_SIZE = 16;
/** The most reads under way at once. */
export const FIND_LANES = 4;

const ORDER = " ORDER BY task_id, endpoint, job";

/** Reads whole tasks. Calls made while others are under way share their statements. */
export function taskFinder(
  db: Database,
): (type: string, id: string) => Promise<TaskWithResponses<ResponseRecord> | null> {
  const findAll = async (ids: string[]) => {
    const reading = (await readByScript(db, unique(ids))) ?? (await read(db, unique(ids), RESPONSES.all));
    const found = await withResponses<ResponseRecord>(db, reading);
    return ids.map((id) => found.get(id) ?? null);
  };
  const batcher = new Batcher(findAll, { size: BATCH_SIZE, lanes: FIND_LANES });
  return async (type, id) => {
    const found = isId(id) ? await batcher.add(id) : null;
    return found?.task.type === type ? found : null;
  };
}

export async function taskStates(
  db: Database,
  ids: readonly string[],
): Promise<Array<TaskWithResponses<ResponseBrief>>> {
  const states: Array<TaskWithResponses<ResponseBrief>> = [];
  for (const part of chunks(ids.filter(isId), MAX_LIST)) {
    const found = await withResponses(db, await read<ResponseBrief>(db, part, BRIEF_RESPONSE));
    states.push(...part.flatMap((id) => found.get(id) ?? []));
  }
  return states;
}

interface Reading<R> {
  /** The database's clock before the tasks were read. */
  now: string;
  tasks: TaskRecord[];
  responses: R[];
}

const SELECT_TASKS = `SELECT ${TASKS.all} FROM tasks WHERE `;

/**
 * Tasks are read before their responses, which are at least as new. Null: the database has no
 * scripts.
 */
async function readByScript(db: Database, ids: readonly string[]): Promise<Reading<ResponseRecord> | null> {
  // Ids contain nothing to escape.
  const list = `(${ids.map((id) => `'${id}'`).join(", ")})`;
  const responses = `SELECT ${RESPONSES.all} FROM task_responses WHERE task_id IN ${list}${ORDER}`;
  const text = `SELECT ${db.dialect.now} AS now_at; ${SELECT_TASKS}id IN ${list}; ${responses}`;
  const sets = await db.readScript?.<object>(text);
  if (!sets) return null;
  const [[clock], tasks, rows] = sets as [[{ now_at: string }], TaskRecord[], ResponseRecord[]];
  return { now: clock.now_at, tasks, responses: rows };
}

function read<R>(db: Database, ids: readonly string[], columns: string): Promise<Reading<R>> {
  return db.read(async (connection) => {
    const now = await nowOf(connection);
    const byId = db.dialect.isIn("id", ids);
    const tasks = await connection.query<TaskRecord>(SELECT_TASKS + byId.text, byId.values);
    const byTask = db.dialect.isIn("task_id", ids);
    const select = `SELECT ${columns} FROM task_responses WHERE ${byTask.text}${ORDER}`;
    return { now, tasks, responses: await connection.query<R>(select, byTask.values) };
  });
}

async function withResponses<R extends ResponseBrief>(
  db: Database,
  reading: Reading<R>,
): Promise<Map<string, TaskWithResponses<R>>> {
  const found = new Map<string, TaskWithResponses<R>>();
  const now = fromDb(reading.now);
  for (const row of reading.tasks) found.set(row.id, { task: TASKS.record(row), responses: [], now, living: NOBODY });
  for (const row of reading.responses) found.get(row.taskId)?.responses.push(RESPONSES.record<R>(row));
  await addLiving(db, found.values());
  return found;
}

export function listResponses(db: Database, taskId: string, filter: ResponseFilter): Promise<ResponseRecord[]> {
  if (!isId(taskId) || filter.status?.length === 0) return Promise.resolve([]);
  const sql = new Sql(`SELECT ${RESPONSES.all} FROM task_responses WHERE task_id = ?`, [taskId]);
  if (filter.status) sql.add(" AND ").append(db.dialect.isIn("status", filter.status));
  if (filter.after) {
    const { endpoint, job } = filter.after;
    sql.add(" AND (endpoint > ? OR (endpoint = ? AND job > ?))", endpoint, endpoint, job);
  }
  sql.add(" ORDER BY endpoint, job LIMIT ?", filter.limit);
  return db.read(async (connection) =>
    (await connection.query<ResponseRecord>(sql.text, sql.values)).map(RESPONSES.record),
  );
}

/** A `deliver: one` response belongs to the endpoint that took it, too. */
const AT_ENDPOINT = "(endpoint = ? OR (endpoint = '*' AND performer = ?))";

export function responsesAt(db: Database, taskId: string, endpoint: string): Promise<ResponseRecord[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<ResponseRecord>(
      `SELECT ${RESPONSES.all} FROM task_responses WHERE task_id = ? AND ${AT_ENDPOINT} ORDER BY endpoint, job`,
      [taskId, endpoint, endpoint],
    );
    return rows.map(RESPONSES.record);
  });
}

export function attemptsAt(db: Database, taskId: string, endpoint: string): Promise<AttemptRecord[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<AttemptRecord>(
      `SELECT ${ATTEMPTS.all} FROM task_attempts WHERE task_id = ? AND ${AT_ENDPOINT}
       ORDER BY generation, attempt, finished_at, job`,
      [taskId, endpoint, endpoint],
    );
    return rows.map(ATTEMPTS.record);
  });
}

export function readLog(db: Database, key: ResponseKey, afterSeq: number, limit: number): Promise<LogChunk[]> {
  if (!isId(key.taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<LogChunk>(
      `SELECT ${LOGS.all} FROM response_logs
       WHERE task_id = ? AND endpoint = ? AND job = ? AND seq > ? ORDER BY seq LIMIT ?`,
      [key.taskId, key.endpoint, key.job, afterSeq, limit],
    );
    return rows.map(LOGS.record);
  });
}
