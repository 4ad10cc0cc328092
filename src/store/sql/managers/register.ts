import { EndpointEnded } from "../../../errors";
import type { Deliver } from "../../../model/task";
import type { ManagerRegistration } from "../../store";
import type { Connection, Database } from "../connection";
import { chunks, inKeyOrder, MAX_LIST, matchKeys, Sql, unique } from "../sql";
import { addTypes } from "../tasks/endpoints";
import { clampMs, dbToMs, msToDb, nowOf } from "../times";
import { goOn } from "./former";

/** Rows of managers that are gone are kept this long for people to look at. */
const KEEP_GONE_MS = 7 * 24 * 3600 * 1000;

export function predecessorsOf(
  db: Database,
  of: Pick<ManagerRegistration, "endpoint" | "host" | "slot">,
): Promise<Array<{ id: string; pid: number }>> {
  return db.read((connection) =>
    connection.query<{ id: string; pid: number }>(
      `SELECT id, pid FROM managers WHERE endpoint = ? AND host = ? AND slot = ? AND state IN ('alive', 'draining')`,
      [of.endpoint, of.host, of.slot],
    ),
  );
}

/**
 * Opens the incarnation. A predecessor at the same endpoint, host and slot is retired, unless it is
 * spared: it cannot come back, and its work is free.
 */
export function registerManager(db: Database, manager: ManagerRegistration): Promise<void> {
  return db.write(async (connection) => {
    const now = await nowOf(connection);
    await assertAdmitted(connection, manager);
    await connection.insert(
      "endpoints",
      ["name", "labels", "first_seen_at"],
      [[manager.endpoint, JSON.stringify(manager.labels), now]],
      "keep",
    );
    await connection.run("UPDATE endpoints SET labels = ? WHERE name = ?", [
      JSON.stringify(manager.labels),
      manager.endpoint,
    ]);
    await addTypes(
      connection,
      unique(manager.types).map((type) => ({ type, endpoint: manager.endpoint })),
      "manager",
    );
    await connection.insert(
      "managers",
      [
        ...[
          "id",
          "endpoint",
          "host",
          "pid",
          "slot",
          "version",
          "state",
          "running",
          "ttl_ms",
          "started_at",
          "heartbeat_at",
        ],
        "types",
      ],
      [
        [
          ...[manager.id, manager.endpoint, manager.host, manager.pid, manager.slot, manager.version, "alive", 0],
          ...[clampMs(manager.ttlMs), now, now, JSON.stringify(unique(manager.types))],
        ],
      ],
      "keep",
    );
    const predecessors = await connection.query<{ id: string }>(
      `SELECT id FROM managers WHERE endpoint = ? AND host = ? AND slot = ? AND id <> ? AND state IN ('alive', 'draining')
       ORDER BY id${db.dialect.forUpdate}`,
      [manager.endpoint, manager.host, manager.slot, manager.id],
    );
    for (const { id } of predecessors.filter((one) => !manager.spare?.includes(one.id))) {
      await connection.run(`UPDATE managers SET state = 'retired', stopped_at = ${db.dialect.now} WHERE id = ?`, [id]);
      await leasesAreDue(connection, id, manager.endpoint);
    }
    if (manager.former) await goOn(connection, manager.former, manager);
    await connection.run(
      "DELETE FROM managers WHERE endpoint = ? AND state NOT IN ('alive', 'draining') AND heartbeat_at < ?",
      [manager.endpoint, msToDb(dbToMs(now) - KEEP_GONE_MS)],
    );
  });
}

/**
 * A name may be reserved, since its endpoint has been renamed. And a manager that lived when its
 * endpoint was removed does not come back as the next endpoint of that name: only a process that
 * starts anew does.
 */
async function assertAdmitted(connection: Connection, { endpoint, former }: ManagerRegistration): Promise<void> {
  const [row] = await connection.query<{ first_seen_at: string; removed_at: string | null; renamed_to: string | null }>(
    "SELECT first_seen_at, removed_at, renamed_to FROM endpoints WHERE name = ?",
    [endpoint],
  );
  if (!row) return;
  if (row.renamed_to !== null)
    throw new EndpointEnded(
      `Endpoint ${endpoint} has been renamed to ${row.renamed_to}: start its manager under that name.`,
    );
  if (former === undefined) return;
  const [before] = await connection.query<{ started_at: string }>("SELECT started_at FROM managers WHERE id = ?", [
    former.id,
  ]);
  if (!before) return;
  const ended = row.removed_at === null ? before.started_at < row.first_seen_at : before.started_at <= row.removed_at;
  if (ended)
    throw new EndpointEnded(
      `Endpoint ${endpoint} was removed while this manager was there: start the manager anew to register the name again.`,
    );
}

/**
 * Makes what runs under the manager due now, and has the reconciler look again at what its
 * successor in the slot serves. The rows are read first and without locks, among all that is open:
 * an UPDATE would wait for each of its neighbours.
 */
export async function leasesAreDue(connection: Connection, managerId: string, endpoint: string): Promise<void> {
  const { now, by, byKey } = connection.dialect;
  await readmitSuccessor(connection, managerId, endpoint);
  const rows = await connection.query<{ task_id: string; endpoint: string; job: string }>(
    `SELECT task_id, endpoint, job FROM task_responses${by("task_responses_agenda")}
     WHERE finished_at IS NULL AND due_at IS NOT NULL AND endpoint IN (?, '*') AND manager_id = ? AND status = 'running'`,
    [endpoint, managerId],
  );
  const keys = rows.map((row) => ({ taskId: row.task_id, endpoint: row.endpoint, job: row.job }));
  for (const part of chunks(keys.sort(inKeyOrder), MAX_LIST)) {
    const sql = new Sql(`UPDATE task_responses${byKey} SET due_at = ${now} WHERE `).append(
      matchKeys(connection.dialect, part),
    );
    sql.add(" AND manager_id = ? AND status = 'running'", managerId);
    await connection.run(sql.text, sql.values);
  }
}

async function readmitSuccessor(connection: Connection, managerId: string, endpoint: string): Promise<void> {
  const [ended] = await connection.query<{ host: string; slot: string; started_at: string }>(
    "SELECT host, slot, started_at FROM managers WHERE id = ?",
    [managerId],
  );
  if (!ended) return;
  await connection.run(
    `UPDATE managers SET admitted = 0 WHERE endpoint = ? AND host = ? AND slot = ? AND started_at >= ? AND id <> ?
       AND state IN ('alive', 'draining')`,
    [endpoint, ended.host, ended.slot, ended.started_at, managerId],
  );
}

/** For which of the endpoint's types tasks of the other kind of delivery are open. */
export function openDeliveries(db: Database, endpoint: string): Promise<Array<{ type: string; deliver: Deliver }>> {
  return db.read((connection) =>
    connection.query<{ type: string; deliver: Deliver }>(
      "SELECT type, open_deliver AS deliver FROM endpoint_types WHERE endpoint = ? AND open_deliver IS NOT NULL",
      [endpoint],
    ),
  );
}

export function leave(db: Database, managerId: string): Promise<void> {
  return db.write(async (connection) => {
    const [manager] = await connection.query<{ endpoint: string }>(
      `SELECT endpoint FROM managers WHERE id = ? AND state IN ('alive', 'draining')${db.dialect.forUpdate}`,
      [managerId],
    );
    if (!manager) return;
    const { now } = db.dialect;
    await connection.run(
      `UPDATE managers SET state = 'stopped', running = 0, stopped_at = ${now}, heartbeat_at = ${now} WHERE id = ?`,
      [managerId],
    );
    await leasesAreDue(connection, managerId, manager.endpoint);
  });
}
