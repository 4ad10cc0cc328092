import { Batcher } from "../../../batcher";
import { NOBODY } from "../../../model/completeness";
import { isId } from "../../../model/ids";
import type { AttemptOutcome, AttemptRecord, ResponseKey, ResponseRecord } from "../../../model/response";
import type { LogChunk, ResponseBrief, ResponseFilter, TaskWithResponses } from "../../store";
import type { Database } from "../connection";
import {
  BRIEF_COLUMNS,
  type BriefRow,
  RESPONSE_COLUMNS,
  type ResponseRow,
  TASK_COLUMNS,
  type TaskRow,
  toBrief,
  toResponse,
  toTask,
} from "../rows";
import { chunks, MAX_LIST, Sql, unique } from "../sql";
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
  for (const row of tasks)
    found.set(row.id, { task: toTask(row), responses: [], now: fromDb(row.now_at), living: NOBODY });
  for (const row of rows) found.get(row.task_id)?.responses.push(toResponse(row));
  await withLiving(db, found.values());
  return ids.map((id) => found.get(id) ?? null);
}

type TaskNow = TaskRow & { now_at: string };

/** The tasks are read before their responses: those are at least as new. In one round trip where the database has it. */
async function rowsOf(db: Database, ids: readonly string[]): Promise<[TaskNow[], ResponseRow[]]> {
  const tasks = `SELECT ${TASK_COLUMNS}, ${db.dialect.now} AS now_at FROM tasks WHERE `;
  const responses = `SELECT ${RESPONSE_COLUMNS} FROM task_responses WHERE `;
  const order = " ORDER BY task_id, endpoint, job";
  // Ids of tasks only, so there is nothing in them to be escaped.
  const list = `(${ids.map((id) => `'${id}'`).join(", ")})`;
  const sets = await db.readScript?.<TaskNow | ResponseRow>(
    `${tasks}id IN ${list}; ${responses}task_id IN ${list}${order}`,
  );
  if (sets) return sets as [TaskNow[], ResponseRow[]];
  return db.read(async (connection) => [
    await connection.query<TaskNow>(...query(tasks, db.dialect.isIn("id", ids))),
    await connection.query<ResponseRow>(...query(responses, db.dialect.isIn("task_id", ids), order)),
  ]);
}

export async function taskStates(
  db: Database,
  ids: readonly string[],
): Promise<Array<TaskWithResponses<ResponseBrief>>> {
  const states: Array<TaskWithResponses<ResponseBrief>> = [];
  for (const part of chunks(ids.filter(isId), MAX_LIST)) {
    const found = await db.read(async (connection) => {
      const tasks = await connection.query<TaskRow & { now_at: string }>(
        ...query(`SELECT ${TASK_COLUMNS}, ${db.dialect.now} AS now_at FROM tasks WHERE `, db.dialect.isIn("id", part)),
      );
      const rows = await connection.query<BriefRow>(
        ...query(
          `SELECT ${BRIEF_COLUMNS} FROM task_responses WHERE `,
          db.dialect.isIn("task_id", part),
          " ORDER BY task_id, endpoint, job",
        ),
      );
      const responses = new Map<string, ResponseBrief[]>(tasks.map((task) => [task.id, []]));
      for (const row of rows) responses.get(row.task_id)?.push(toBrief(row));
      return new Map(
        tasks.map((row) => [
          row.id,
          { task: toTask(row), responses: responses.get(row.id)!, now: fromDb(row.now_at), living: NOBODY },
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
  const sql = new Sql(`SELECT ${RESPONSE_COLUMNS} FROM task_responses WHERE task_id = ?`, [taskId]);
  if (filter.status) sql.add(" AND ").append(db.dialect.isIn("status", filter.status));
  if (filter.after) {
    const { endpoint, job } = filter.after;
    sql.add(" AND (endpoint > ? OR (endpoint = ? AND job > ?))", endpoint, endpoint, job);
  }
  sql.add(" ORDER BY endpoint, job LIMIT ?", filter.limit);
  return db.read(async (connection) => (await connection.query<ResponseRow>(sql.text, sql.values)).map(toResponse));
}

/** `deliver: one` rows answer to the name of the endpoint that took them, too. */
const AT_ENDPOINT = "(endpoint = ? OR (endpoint = '*' AND performer = ?))";

export function responsesAt(db: Database, taskId: string, endpoint: string): Promise<ResponseRecord[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<ResponseRow>(
      `SELECT ${RESPONSE_COLUMNS} FROM task_responses WHERE task_id = ? AND ${AT_ENDPOINT} ORDER BY endpoint, job`,
      [taskId, endpoint, endpoint],
    );
    return rows.map(toResponse);
  });
}

interface AttemptRow {
  task_id: string;
  endpoint: string;
  job: string;
  generation: number;
  attempt: number;
  lease_id: string;
  outcome: string;
  reason: string | null;
  error: string | null;
  result: string | null;
  result_text: string | null;
  performer: string | null;
  manager_id: string | null;
  started_at: string | null;
  finished_at: string;
}

export function attemptsAt(db: Database, taskId: string, endpoint: string): Promise<AttemptRecord[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  return db.read(async (connection) => {
    const rows = await connection.query<AttemptRow>(
      `SELECT task_id, endpoint, job, generation, attempt, lease_id, outcome, reason, error, result, result_text, performer,
         manager_id, started_at, finished_at
       FROM task_attempts WHERE task_id = ? AND ${AT_ENDPOINT} ORDER BY generation, attempt, finished_at, job`,
      [taskId, endpoint, endpoint],
    );
    return rows.map((row) => ({
      taskId: row.task_id,
      endpoint: row.endpoint,
      job: row.job,
      generation: row.generation,
      attempt: row.attempt,
      leaseId: row.lease_id,
      outcome: row.outcome as AttemptOutcome,
      reason: row.reason,
      error: row.error,
      result: row.result,
      resultText: row.result_text,
      performer: row.performer,
      managerId: row.manager_id,
      startedAt: fromDb(row.started_at),
      finishedAt: fromDb(row.finished_at),
    }));
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
