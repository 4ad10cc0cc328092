import type { NewRequest, RequestRow } from "../../store";
import type { Database } from "../connection";
import { chunks, MAX_LIST } from "../sql";
import { REQUESTS } from "../tables/others";

/** A repetition with the same id is ignored. */
export async function addRequest(db: Database, { id, type, identifier, body }: NewRequest): Promise<void> {
  const columns = ["id", "type", "identifier", "body"];
  await db.write((connection) => connection.insert("task_requests", columns, [[id, type, identifier, body]], "keep"));
}

const COLUMNS = REQUESTS.select("r.");

type Request = Omit<RequestRow, "manager">;
interface Asker {
  manager_account: string | null;
  endpoint: string | null;
  types: string | null;
}

export function openRequests(db: Database, limit: number): Promise<RequestRow[]> {
  return db.read(async (connection) => {
    const rows = await connection.query<Request & Asker>(
      `SELECT ${COLUMNS}, a.account AS manager_account, a.endpoint, a.types
       FROM task_requests r LEFT JOIN accounts a ON a.account = r.asked_by
       WHERE r.refused_at IS NULL ORDER BY r.created_at, r.id LIMIT ?`,
      [limit],
    );
    return rows.map(({ manager_account, endpoint, types, ...row }) => ({
      ...REQUESTS.record(row),
      body: row.body ?? "{}",
      manager: manager_account === null ? null : { endpoint, types: types === null ? null : JSON.parse(types) },
    }));
  });
}

export async function deleteRequests(db: Database, ids: readonly string[]): Promise<void> {
  for (const part of chunks(ids, MAX_LIST)) {
    const list = db.dialect.isIn("id", part);
    await db.single((connection) => connection.run(`DELETE FROM task_requests WHERE ${list.text}`, list.values));
  }
}

export async function refuseRequest(db: Database, id: string, problem: string): Promise<void> {
  await db.single((connection) =>
    connection.run(`UPDATE task_requests SET problem = ?, refused_at = ${db.dialect.now} WHERE id = ?`, [problem, id]),
  );
}
