import { groupBy } from "../../../group-by";
import { isId } from "../../../model/ids";
import type { Heartbeat, LeaseRef, ManagerRecord, SeenResponse } from "../../store";
import { LIVING } from "../conditions";
import type { Connection, Database } from "../connection";
import { leasesAreDue } from "../managers/register";
import { chunks, compare, inKeyOrder, matchKeys } from "../sql";
import { keepAsLost } from "../tables/attempts";
import { MANAGERS } from "../tables/endpoints";

type Lost = LeaseRef & SeenResponse & { reason: string; error: string };

export async function reclaimLeases(db: Database, leases: readonly Lost[]): Promise<number> {
  let count = 0;
  for (const part of chunks(leases.filter((lease) => isId(lease.taskId)).sort(inKeyOrder), 100)) {
    const groups = groupBy(part, (lost) => JSON.stringify([lost.leaseId, lost.version, lost.reason, lost.error]));
    count += await db.write(async (connection) => {
      let ended = 0;
      for (const group of groups.values()) ended += await reclaimGroup(connection, group);
      return ended;
    });
  }
  return count;
}

async function reclaimGroup(connection: Connection, group: readonly Lost[]): Promise<number> {
  const { now, forUpdate, byKey } = connection.dialect;
  const { leaseId, version, reason, error } = group[0]!;
  const where = matchKeys(connection.dialect, group);
  where.add(" AND lease_id = ? AND version = ? AND status = 'running'", leaseId, version);
  const locked = await connection.query(
    `SELECT task_id FROM task_responses${byKey} WHERE ${where.text}${forUpdate}`,
    where.values,
  );
  if (locked.length === 0) return 0;
  await keepAsLost(connection, reason, error, where);
  const again = "cancel_at IS NULL AND attempt < attempts";
  const nowIf = (condition: string) => `CASE WHEN ${condition} THEN ${now} ELSE NULL END`;
  return connection.run(
    `UPDATE task_responses${byKey} SET
       status = CASE WHEN cancel_at IS NOT NULL THEN 'cancelled' WHEN attempt < attempts THEN 'retrying' ELSE 'failed' END,
       reason = CASE WHEN cancel_at IS NOT NULL THEN 'cancelled' ELSE ? END, error = ?,
       finished_at = ${nowIf(`NOT (${again})`)}, retry_at = ${nowIf(again)}, due_at = ${nowIf(again)},
       timeout_at = NULL, lease_id = NULL, published = 0, changed_at = ${now}, version = version + 1
     WHERE ${where.text}`,
    [reason, error, ...where.values],
  );
}

export function heartbeats(db: Database): Promise<Heartbeat[]> {
  return db.read((connection) =>
    connection.query<Heartbeat>(
      `SELECT id AS managerId, heartbeat_at AS at, ttl_ms AS ttlMs FROM managers WHERE ${LIVING}`,
    ),
  );
}

/** A heartbeat since then keeps a manager alive. */
export async function declareDead(db: Database, silent: readonly Heartbeat[]): Promise<ManagerRecord[]> {
  if (silent.length === 0) return [];
  return db.write(async (connection) => {
    const dead: ManagerRecord[] = [];
    for (const { managerId, at } of [...silent].sort((a, b) => compare(a.managerId, b.managerId))) {
      const matched = await connection.run(
        `UPDATE managers SET state = 'dead', stopped_at = ${db.dialect.now}
         WHERE id = ? AND ${LIVING} AND heartbeat_at = ?`,
        [managerId, at],
      );
      if (matched === 0) continue;
      const [row] = await connection.query<object>(`SELECT ${MANAGERS.all} FROM managers WHERE id = ?`, [managerId]);
      const manager = MANAGERS.record(row!);
      await leasesAreDue(connection, managerId, manager.endpoint);
      dead.push(manager);
    }
    return dead;
  });
}
