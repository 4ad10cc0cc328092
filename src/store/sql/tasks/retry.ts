import { TaskerError } from "../../../errors";
import { NOBODY, type TaskState, taskState } from "../../../model/completeness";
import { isId } from "../../../model/ids";
import { ANY_ENDPOINT } from "../../../model/names";
import { isFinal, type ResponseKey, type ResponseStatus } from "../../../model/response";
import type { ResponseBrief } from "../../store";
import { FINAL } from "../conditions";
import type { Connection, Database } from "../connection";
import { chunks, MAX_LIST, matchKeys, Sql } from "../sql";
import { attemptsFromResponses } from "../tables/attempts";
import { BRIEF_RESPONSE, isAt, RESPONSES } from "../tables/responses";
import { clampMs, dbToMs, msToDb } from "../times";
import { updateResponses } from "../update-responses";

interface Choice {
  endpoints?: readonly string[];
  statuses?: readonly ResponseStatus[];
}

/** Reopens responses as if they had just been stored, and keeps their former state as attempts. */
export function retryTask(
  db: Database,
  taskId: string,
  choose: Choice,
  more: { waitMs: number; expiresMs: number | null },
): Promise<ResponseKey[]> {
  if (!isId(taskId)) return Promise.resolve([]);
  // After a lost COMMIT answer the repetition must not open another generation.
  let before: ResponseBrief[] = [];
  return db.write(async (connection) => {
    const { now, forUpdate } = db.dialect;
    const [task] = await connection.query<{ type: string; run_key: string | null; now_at: string }>(
      `SELECT type, run_key, ${now} AS now_at FROM tasks WHERE id = ?${forUpdate}`,
      [taskId],
    );
    if (!task) return [];
    const found = await connection.query<ResponseBrief>(
      `SELECT ${BRIEF_RESPONSE} FROM task_responses WHERE task_id = ? ORDER BY endpoint, job${forUpdate}`,
      [taskId],
    );
    const rows = found.map(RESPONSES.record);
    if (before.length > 0 && before.every((old) => rows.some((row) => isNext(old, row)))) return before.map(keyOf);
    const chosen = rows.filter((row) => isChosen(row, choose));
    if (chosen.length === 0) return [];
    before = chosen;
    const keys = chosen.map(keyOf);
    await keepAsAttempts(connection, keys);
    await updateResponses(connection, keys, new Sql(REOPENED(now)));
    const inMs = (ms: number) => msToDb(dbToMs(task.now_at) + clampMs(ms));
    const expiresAt = more.expiresMs === null ? null : inMs(more.expiresMs);
    const state = stateAfter(rows, new Set(chosen));
    try {
      await connection.run(
        `UPDATE tasks SET status = ?, finished_at = NULL, cancel_at = NULL, published_at = NULL, wait_until = ?,
           expires_at = ?, open_run_key = run_key, version = version + 1 WHERE id = ?`,
        [state.status, inMs(more.waitMs), expiresAt, taskId],
      );
    } catch (error) {
      if (!db.dialect.isDuplicate(error)) throw error;
      throw new TaskerError(
        "already_running",
        `Another task of ${task.type} is running: wait until it has ended, or stop it.`,
      );
    }
    return keys;
  });
}

const keyOf = ({ taskId, endpoint, job }: ResponseBrief): ResponseKey => ({ taskId, endpoint, job });

function isNext(old: ResponseBrief, row: ResponseBrief): boolean {
  return row.endpoint === old.endpoint && row.job === old.job && row.generation > old.generation;
}

function isChosen(row: ResponseBrief, { endpoints, statuses }: Choice): boolean {
  if (!isFinal(row.status) && row.status !== "expected") return false;
  if (statuses && !statuses.includes(row.status)) return false;
  return !endpoints || isAt(row, endpoints);
}

async function keepAsAttempts(connection: Connection, keys: readonly ResponseKey[]): Promise<void> {
  for (const part of chunks(keys, MAX_LIST)) {
    const sql = attemptsFromResponses({ lease_id: "COALESCE(lease_id, '')", outcome: "status" });
    sql.append(matchKeys(connection.dialect, part));
    sql.add(` AND status IN (${FINAL})`).add(connection.dialect.keepDuplicates("task_attempts.outcome"));
    await connection.run(sql.text, sql.values);
  }
}

const REOPENED = (now: string) =>
  `status = 'expected', generation = generation + 1, attempt = 0, reason = NULL, error = NULL, result = NULL,
   result_text = NULL, progress = 0, progress_message = NULL, received_at = NULL, started_at = NULL,
   finished_at = NULL, retry_at = NULL, cancel_at = NULL, timeout_at = NULL, delay_until = NULL, manager_id = NULL,
   lease_id = NULL, performer = CASE WHEN endpoint = '${ANY_ENDPOINT}' THEN NULL ELSE performer END, published = 0,
   due_at = ${now}, changed_at = ${now}, version = version + 1`;

function stateAfter(rows: readonly ResponseBrief[], reopened: ReadonlySet<ResponseBrief>): TaskState {
  return taskState(
    rows.map((row) =>
      reopened.has(row)
        ? { ...row, status: "expected", progress: 0, receivedAt: null, startedAt: null, finishedAt: null }
        : row,
    ),
    { delayed: false, waitOver: false, living: NOBODY },
  );
}
