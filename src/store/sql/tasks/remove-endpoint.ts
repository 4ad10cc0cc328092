import type { ResponseKey, ResponseStatus } from "../../../model/response";
import type { EndpointRemoval } from "../../store";
import { endsNow, LIVING, OPEN, openRows } from "../conditions";
import type { Connection, Database } from "../connection";
import { inKeyOrder, matchKeys, type Sql } from "../sql";
import { keepAsLost } from "../tables/attempts";
import { RESPONSES } from "../tables/responses";
import { nowOf } from "../times";
import { addLeaving, registrationsAt } from "./endpoints";
import { type ManagerRow, managersWhere } from "./managers";
import { retireManager } from "./retire-manager";

/** The most responses in one transaction. */
const PAGE = 500;

const KEY = RESPONSES.select("r.", { only: ["taskId", "endpoint", "job"] });

/**
 * Deletes an endpoint's registrations, retires its managers and ends its open responses. The row
 * stays with the time of the removal: messages, managers and tasks from before it are void. The
 * reconciler deletes the queues. A repetition ends what is left.
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
  return {
    name,
    types: (await registrationsAt(connection, name)).map(({ type }) => type),
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
  // Its own responses end below; a shared one (`deliver: one`) goes to another endpoint.
  for (const { id } of living) await retireManager(connection, id, name);
  await connection.run("DELETE FROM endpoint_types WHERE endpoint = ?", [name]);
  await connection.run("UPDATE endpoints SET removed_at = ?, renamed_to = NULL, leaving = ? WHERE name = ?", [
    removal.until,
    addLeaving(row.leaving, removal.types),
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
 * Ends the endpoint's open responses of tasks created until then. A task that was being stored
 * during the removal may appear later, so the reconciler calls this again.
 */
export async function endOpen(db: Database, name: string, until: string): Promise<void> {
  for (let more = true; more; ) {
    const rows = await db.read((connection) =>
      connection.query<ResponseKey>(
        `SELECT ${KEY} FROM task_responses r${connection.dialect.by("task_responses_agenda")}
         JOIN tasks t ON t.id = r.task_id
         WHERE ${openRows("r.")} AND r.endpoint = ? AND r.status IN (${OPEN}) AND t.created_at <= ?
         LIMIT ${PAGE}`,
        [name, until],
      ),
    );
    const keys = rows.sort(inKeyOrder);
    if (keys.length > 0) await db.write((connection) => endRows(connection, name, matchKeys(db.dialect, keys)));
    more = rows.length === PAGE;
  }
}

async function endRows(connection: Connection, name: string, keys: Sql): Promise<void> {
  const { now, byKey, forUpdate } = connection.dialect;
  const where = keys.add(` AND status IN (${OPEN})`);
  await connection.query(`SELECT task_id FROM task_responses${byKey} WHERE ${where.text}${forUpdate}`, where.values);
  const error = `The endpoint ${name} was removed.`;
  await keepAsLost(connection, "endpoint_removed", error, where);
  await connection.run(
    `UPDATE task_responses${byKey} SET status = 'cancelled', reason = 'endpoint_removed', error = ?,
       timeout_at = NULL, lease_id = NULL, published = 0, ${endsNow(now)} WHERE ${where.text}`,
    [error, ...where.values],
  );
}
