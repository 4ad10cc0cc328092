import { isId } from "../../../model/ids";
import type { Heartbeat, LeaseRef, ManagerRecord, SeenResponse } from "../../store";
import { LIVING } from "../conditions";
import type { Connection, Database } from "../connection";
import { leasesAreDue } from "../managers/register";
import { chunks, compare, groupBy, inKeyOrder, matchKeys, Sql } from "../sql";
import { attemptsFromResponses } from "../tables/attempts";
import { MANAGERS } from "../tables/endpoints";

type Lost = LeaseRef & SeenResponse & { reason: string; error: string };

/** Ends leases that nobody serves, each only while the row is as it was seen. Resolves to how many were ended. */
export async function reclaimLeases(db: Database, leases: readonly Lost[]): Promise<number> {
  let count = 0;
  for (const part of chunks(leases.filter((lease) => isId(lease.taskId)).sort(inKeyOrder), 100)) {
    count += await db.write(async (connection) => {
      let ended = 0;
      for (const group of groupBy(part, ({ leaseId, version, reason, error }) =>
        JSON.stringify([leaseId, version, reason, error]),
      ).values()) {
        ended += await reclaimGroup(connection, group);
      }
      return ended;
    });
  }
  return count;
}

async function reclaimGroup(connection: Connection, group: readonly Lost[]): Promise<number> {
  const { now, forUpdate, keepDuplicates } = connection.dialect;
  const { leaseId, version, reason, error } = group[0]!;
  const where = matchKeys(connection.dialect, group);
  where.add(" AND lease_id = ? AND version = ? AND status = 'running'", leaseId, version);
  const locked = await connection.query(
    `SELECT task_id FROM task_responses${connection.dialect.byKey} WHERE ${where.text}${forUpdate}`,
    where.values,
  );
  if (locked.length === 0) return 0;
  const lost = attemptsFromResponses({
    ...{ outcome: "'lost'", reason: new Sql("?", [reason]), error: new Sql("?", [error]) },
    ...{ result: "NULL", result_text: "NULL", finished_at: now },
  });
  lost.append(where).add(keepDuplicates("task_attempts.outcome"));
  await connection.run(lost.text, lost.values);
  const again = "cancel_at IS NULL AND attempt < attempts";
  const sql = new Sql(
    `UPDATE task_responses${connection.dialect.byKey} SET
       status = CASE WHEN cancel_at IS NOT NULL THEN 'cancelled' WHEN attempt < attempts THEN 'retrying' ELSE 'failed' END,
       reason = CASE WHEN cancel_at IS NOT NULL THEN 'cancelled' ELSE ? END, error = ?,
       finished_at = CASE WHEN ${again} THEN NULL ELSE ${now} END, retry_at = CASE WHEN ${again} THEN ${now} ELSE NULL END,
       timeout_at = NULL, lease_id = NULL, published = 0,
       due_at = CASE WHEN ${again} THEN ${now} ELSE NULL END, changed_at = ${now}, version = version + 1
     WHERE `,
    [reason, error],
  ).append(where);
  return connection.run(sql.text, sql.values);
}

export function heartbeats(db: Database): Promise<Heartbeat[]> {
  return db.read(async (connection) => {
    const rows = await connection.query<{ id: string; heartbeat_at: string; ttl_ms: number }>(
      `SELECT id, heartbeat_at, ttl_ms FROM managers WHERE ${LIVING}`,
    );
    return rows.map(({ id, heartbeat_at, ttl_ms }) => ({ managerId: id, at: heartbeat_at, ttlMs: Number(ttl_ms) }));
  });
}

/** A heartbeat that came in between keeps a manager alive; what the others ran is due. */
export async function reapManagers(db: Database, silent: readonly Heartbeat[]): Promise<ManagerRecord[]> {
  if (silent.length === 0) return [];
  const { now } = db.dialect;
  return db.write(async (connection) => {
    const dead: ManagerRecord[] = [];
    for (const { managerId, at } of [...silent].sort((a, b) => compare(a.managerId, b.managerId))) {
      const matched = await connection.run(
        `UPDATE managers SET state = 'dead', stopped_at = ${now} WHERE id = ? AND ${LIVING} AND heartbeat_at = ?`,
        [managerId, at],
      );
      if (matched === 0) continue;
      const [row] = await connection.query<object>(`SELECT ${MANAGERS.select()} FROM managers WHERE id = ?`, [
        managerId,
      ]);
      const manager = MANAGERS.record(row!);
      await leasesAreDue(connection, managerId, manager.endpoint);
      dead.push(manager);
    }
    return dead;
  });
}
