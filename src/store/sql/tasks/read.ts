import { Batcher } from "../../../batcher";
import { NOBODY } from "../../../model/completeness";
import { isId } from "../../../model/ids";
import type { AttemptRecord, ResponseKey, ResponseRecord } from "../../../model/response";
import type { TaskRecord } from "../../../model/task";
import type { LogChunk, ResponseBrief, ResponseFilter, TaskWithResponses } from "../../store";
import type { Database } from "../connection";
import { chunks, MAX_LIST, Sql, unique } from "../sql";
import { ATTEMPTS } from "../tables/attempts";
import { BRIEF_RESPONSE, RESPONSES } from "../tables/responses";
import { TASKS } from "../tables/tasks";
import { fromDb } from "../times";
import { withLiving } from "./living";

/** So many reads share two statements at most: one large task must not hold back too many small ones. */
const TOGETHER = { size: 16, lanes: 4 };

/** Reads of whole tasks; those that are asked for while others are under way share their statements. */
export function taskFinder(
  db: Database,
): (type: string, id: string) => Promise<TaskWithResponses<ResponseRecord> | null> {
  const batcher = new Batcher((ids: string[]) => findTasks(db, ids), TOGETHER);
  return async (type, id) => {
    const found = isId(id) ? await batcher.add(id) : null;
    return found?.task.type === type ? found : null;
  };
}

async function findTasks(
  db: Database,
  ids: readonly string[],
): Promise<Array<TaskWithResponses<ResponseRecord> | null>> {
  const [tasks, rows] = await rowsOf(db, unique(ids));
  const found = new Map<string, TaskWithResponses<ResponseRecord>>();
  for (const { now_at, ...row } of tasks)
    found.set(row.id, { task: TASKS.record(row), responses: [], now: fromDb(now_at), living: NOBODY });
  for (const row of rows) found.get(row.taskId)?.responses.push(RESPONSES.record(row));
  await withLiving(db, found.values());
  return ids.map((id) => found.get(id) ?? null);
}

type TaskNow = TaskRecord & { now_at: string };

/** The tasks are read before their responses: those are at least as new. In one round trip where the database has it. */
async function rowsOf(db: Database, ids: readonly string[]): Promise<[TaskNow[], ResponseRecord[]]> {
  const tasks = `SELECT ${TASKS.select()}, ${db.dialect.now} AS now_at FROM tasks WHERE `;
  const responses = `SELECT ${RESPONSES.select()} FROM task_responses WHERE `;
  const order = " ORDER BY task_id, endpoint, job";
  // Ids of tasks only, so there is nothing in them to be escaped.
  const list = `(${ids.map((id) => `'${id}'`).join(", ")})`;
  const sets = await db.readScript?.<TaskNow | ResponseRecord>(
    `${tasks}id IN ${list}; ${responses}task_id IN ${list}${order}`,
  );
  if (sets) return sets as [TaskNow[], ResponseRecord[]];
  return db.read(async (connection) => [
    await connection.query<TaskNow>(...query(tasks, db.dialect.isIn("id", ids))),
    await connection.query<ResponseRecord>(...query(responses, db.dialect.isIn("task_id", ids), order)),
  ]);
}

export async function taskStates(
  db: Database,
  ids: readonly string[],
): Promise<Array<TaskWithResponses<ResponseBrief>>> {
  const states: Array<TaskWithResponses<ResponseBrief>> = [];
  for (const part of chunks(ids.filter(isId), MAX_LIST)) {
    const found = await db.read(async (connection) => {
      const tasks = await connection.query<TaskNow>(
        ...query(
          `SELECT ${TASKS.select()}, ${db.dialect.now} AS now_at FROM tasks WHERE `,
          db.dialect.isIn("id", part),
        ),
      );
      const rows = await connection.query<ResponseBrief>(
        ...query(
          `SELECT ${BRIEF_RESPONSE} FROM task_responses WHERE `,
          db.dialect.isIn("task_id", part),
          " ORDER BY task_id, endpoint, job",
        ),
      );
      const responses = new Map<string, ResponseBrief[]>(tasks.map((task) => [task.id, []]));
      for (const row of rows) responses.get(row.taskId)?.push(RESPONSES.record(row));
      return new Map(
        tasks.map(({ now_at, ...row }) => [
          row.id,
          { task: TASKS.record(row), responses: responses.get(row.id)!, now: fromDb(now_at), living: NOBODY },
        ]),
      );
    });
    await withLiving(db, found.values());
    for (const id of part) {
      const state = found.get(id);
      if (state) states.push(state);
    }
  }
  return states;
}

export function listResponses(db: Database, taskId: string, filter: ResponseFilter): Promise<ResponseRecord[]> {
  if (!isId(taskId) || filter.status?.length === 0) return Promise.resolve([]);
  const sql = new Sql(`SELECT ${RESPONSES.select()} FROM task_responses WHERE task_id = ?`, [taskId]);
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

/** `deliver: one` rows answer to the name of the endpoint that took them, too. */
const AT_ENDPOINT = "(endpoint = ? OR (endpoint = '*' AND performer = ?))";

export function responsesAt(db: Database, taskId: string, endpoint: string): Promise<ResponseRecord[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<ResponseRecord>(
      `SELECT ${RESPONSES.select()} FROM task_responses WHERE task_id = ? AND ${AT_ENDPOINT} ORDER BY endpoint, job`,
      [taskId, endpoint, endpoint],
    );
    return rows.map(RESPONSES.record);
  });
}

export function attemptsAt(db: Database, taskId: string, endpoint: string): Promise<AttemptRecord[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<AttemptRecord>(
      `SELECT ${ATTEMPTS.select()} FROM task_attempts WHERE task_id = ? AND ${AT_ENDPOINT}
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
      `SELECT seq, attempt, at, text FROM response_logs
       WHERE task_id = ? AND endpoint = ? AND job = ? AND seq > ? ORDER BY seq LIMIT ?`,
      [key.taskId, key.endpoint, key.job, afterSeq, limit],
    );
    return rows.map((row) => ({ ...row, at: fromDb(row.at) }));
  });
}

function query(
  before: string,
  list: { text: string; values: readonly (string | number | null | Buffer)[] },
  after = "",
) {
  return [before + list.text + after, list.values] as const;
}
