import type { ResponseStatus } from "../../../model/response";
import type { EndpointRemoval } from "../../store";
import { LIVING, OPEN, openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { leasesAreDue } from "../managers/register";
import { nowOf } from "../rows";
import { inKeyOrder, matchKeys, Sql, unique } from "../sql";
import { attemptsFromResponses } from "../tables/attempts";
import { leavingOf } from "./endpoints";
import { type ManagerRow, managersWhere } from "./managers";

/** Responses that are ended in one transaction. */
const PAGE = 500;

/**
 * The end of an endpoint's life: nothing is expected of it any more, its managers are retired, and what it owes is final. Its row
 * stays: it says until when a message, a manager or a task belongs to the life that is over. Its queues are the reconciler's.
 * Repeated, it ends what is left of it. Null: there is no such endpoint, and nothing is expected of one.
 */
export async function removeEndpoint(db: Database, name: string, dryRun: boolean): Promise<EndpointRemoval | null> {
  const open = await db.read((connection) => openAt(connection, name));
  if (dryRun) return db.read((connection) => lookAt(connection, name, open));
  const removal = await db.write((connection) => endLife(connection, name, open));
  if (removal !== null) await endOpen(db, name, removal.until);
  return removal;
}

interface EndpointRow {
  removed_at: string | null;
  renamed_to: string | null;
  leaving: string | null;
}

async function lookAt(
  connection: Connection,
  name: string,
  open: EndpointRemoval["open"],
  lock = "",
): Promise<(EndpointRemoval & { row: EndpointRow | null; living: ManagerRow[] }) | null> {
  const [row] = await connection.query<EndpointRow>(
    `SELECT removed_at, renamed_to, leaving FROM endpoints WHERE name = ?${lock}`,
    [name],
  );
  if (!row && Object.keys(open).length === 0) return null;
  const now = await nowOf(connection);
  const living = await managersWhere(connection, `endpoint = ? AND ${LIVING} ORDER BY id`, [name]);
  const types = await connection.query<{ type: string }>(
    "SELECT type FROM endpoint_types WHERE endpoint = ? ORDER BY type",
    [name],
  );
  return {
    name,
    types: types.map(({ type }) => type),
    managers: living.length,
    alive: living.some(({ silent }) => !silent),
    open,
    ended: row ? row.removed_at === null || row.renamed_to !== null : false,
    until: now,
    row: row ?? null,
    living,
  };
}

async function endLife(
  connection: Connection,
  name: string,
  open: EndpointRemoval["open"],
): Promise<EndpointRemoval | null> {
  const found = await lookAt(connection, name, open, connection.dialect.forUpdate);
  if (found === null) return null;
  const { row, living, ...removal } = found;
  if (row === null) return removal;
  for (const { id } of living) {
    await connection.run(
      `UPDATE managers SET state = 'retired', stopped_at = ${connection.dialect.now} WHERE id = ? AND ${LIVING}`,
      [id],
    );
    // Of its own responses nothing is left to reclaim; a shared one that it ran goes to somebody else.
    await leasesAreDue(connection, id, name);
  }
  await connection.run("DELETE FROM endpoint_types WHERE endpoint = ?", [name]);
  const leaving = unique([...leavingOf(row.leaving), ...removal.types]);
  await connection.run("UPDATE endpoints SET removed_at = ?, renamed_to = NULL, leaving = ? WHERE name = ?", [
    removal.until,
    JSON.stringify(leaving),
    name,
  ]);
  return removal;
}

/** Open responses by status. */
async function openAt(connection: Connection, name: string): Promise<EndpointRemoval["open"]> {
  const rows = await connection.query<{ status: ResponseStatus; number_of: number }>(
    `SELECT status, COUNT(*) AS number_of FROM task_responses${connection.dialect.by("task_responses_agenda")}
     WHERE ${openRows()} AND endpoint = ? AND status IN (${OPEN}) GROUP BY status`,
    [name],
  );
  return Object.fromEntries(rows.map(({ status, number_of }) => [status, Number(number_of)]));
}

/**
 * Ends what the endpoint owes of tasks that were created until then, by the database's clock. A task that was being stored at the
 * moment of the removal may appear a little later: the reconciler calls this again. Resolves to how many responses it has ended.
 */
export async function endOpen(db: Database, name: string, until: string): Promise<number> {
  let ended = 0;
  for (;;) {
    const rows = await db.read((connection) =>
      connection.query<{ task_id: string; endpoint: string; job: string }>(
        `SELECT r.task_id, r.endpoint, r.job FROM task_responses r${connection.dialect.by("task_responses_agenda")}
         JOIN tasks t ON t.id = r.task_id
         WHERE ${openRows("r.")} AND r.endpoint = ? AND r.status IN (${OPEN}) AND t.created_at <= ?
         LIMIT ${PAGE}`,
        [name, until],
      ),
    );
    if (rows.length > 0) {
      const keys = rows.map((row) => ({ taskId: row.task_id, endpoint: row.endpoint, job: row.job })).sort(inKeyOrder);
      ended += await db.write((connection) => endRows(connection, name, matchKeys(connection.dialect, keys)));
    }
    if (rows.length < PAGE) return ended;
  }
}

async function endRows(connection: Connection, name: string, keys: Sql): Promise<number> {
  const { now, byKey, forUpdate, keepDuplicates } = connection.dialect;
  const where = new Sql().append(keys).add(` AND status IN (${OPEN})`);
  await connection.query(`SELECT task_id FROM task_responses${byKey} WHERE ${where.text}${forUpdate}`, where.values);
  const error = `The endpoint ${name} was removed.`;
  const lost = attemptsFromResponses({
    ...{ outcome: "'lost'", reason: "'endpoint_removed'", error: new Sql("?", [error]) },
    ...{ result: "NULL", result_text: "NULL", finished_at: now },
  });
  lost.append(where).add(` AND status = 'running' AND lease_id IS NOT NULL${keepDuplicates("task_attempts.outcome")}`);
  await connection.run(lost.text, lost.values);
  return connection.run(
    `UPDATE task_responses${byKey} SET status = 'cancelled', reason = 'endpoint_removed', error = ?, finished_at = ${now},
       retry_at = NULL, timeout_at = NULL, lease_id = NULL, published = 0, due_at = NULL, changed_at = ${now}, version = version + 1
     WHERE ${where.text}`,
    [error, ...where.values],
  );
}
