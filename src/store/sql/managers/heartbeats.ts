import type { Beat } from "../../store";
import type { Connection, Database } from "../connection";
import { type Apart, chunks, compare, MAX_LIST, pickShared, Sql, unique } from "../sql";

const BY_ID: Apart<Beat> = { column: "id", of: ({ managerId }) => managerId };
const MAX_RUNNING = 1_000_000;
/** What an id can be made of; what is not could not be compared with one. */
const PLAIN = /^[ -~]+$/;

/** One UPDATE for all of them; who is known is read only where some are not. */
export async function heartbeats(db: Database, beats: readonly Beat[]): Promise<boolean[]> {
  const latest = new Map(beats.filter(({ managerId }) => PLAIN.test(managerId)).map((beat) => [beat.managerId, beat]));
  const known = new Set<string>();
  const inOrder = [...latest.values()].sort((a, b) => compare(a.managerId, b.managerId));
  for (const part of chunks(inOrder, MAX_LIST))
    for (const id of await db.single((connection) => beat(connection, part))) known.add(id);
  return beats.map(({ managerId }) => known.has(managerId));
}

/** Resolves to the known ones. */
async function beat(connection: Connection, beats: readonly Beat[]): Promise<string[]> {
  const { dialect } = connection;
  const ids = beats.map(({ managerId }) => managerId);
  const alive = dialect.isIn("id", ids);
  const where = new Sql(" WHERE ").append(alive).add(" AND state IN ('alive', 'draining')");
  const update = new Sql(`UPDATE managers${dialect.byKey} SET heartbeat_at = ${dialect.now}, running = `);
  update.append(pickShared(dialect, beats, ({ running }) => countOf(running), BY_ID)).add(", state = ");
  update.append(pickShared(dialect, beats, ({ draining }) => (draining ? "draining" : "alive"), BY_ID)).append(where);
  const matched = await connection.run(update.text, update.values);
  if (matched === beats.length) return ids;
  if (matched === 0) return [];
  const rows = await connection.query<{ id: string }>(`SELECT id FROM managers${where.text}`, where.values);
  return rows.map(({ id }) => id);
}

function countOf(running: number): number {
  return Math.min(MAX_RUNNING, Math.max(0, Math.trunc(running) || 0));
}

export async function endpointsOf(db: Database, managerIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const part of chunks(unique(managerIds.filter((id) => PLAIN.test(id))), MAX_LIST)) {
    const { text, values } = db.dialect.isIn("id", part);
    const rows = await db.read((connection) =>
      connection.query<{ id: string; endpoint: string }>(`SELECT id, endpoint FROM managers WHERE ${text}`, values),
    );
    for (const { id, endpoint } of rows) found.set(id, endpoint);
  }
  return found;
}
