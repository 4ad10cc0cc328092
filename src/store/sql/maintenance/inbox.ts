import type { NewRequest, RequestRow } from "../../store";
import type { Database } from "../connection";
import { bytesToText } from "../rows";
import { chunks, MAX_LIST } from "../sql";

interface Row {
  id: string;
  type: string;
  identifier: string | Buffer;
  body: string | null;
  created_by: string | null;
  asked_by: string | null;
  account: string | null;
  endpoint: string | null;
  types: string | null;
}

/** The inbox: whoever can write to the database puts a request for a task here, with a transaction of their own. */
export async function addRequest(db: Database, row: NewRequest): Promise<void> {
  await db.write(async (connection) => {
    await connection.insert(
      "task_requests",
      ["id", "type", "identifier", "body"],
      [[row.id, row.type, row.identifier, row.body]],
      "keep",
    );
  });
}

export function openRequests(db: Database, limit: number): Promise<RequestRow[]> {
  return db.read(async (connection) => {
    const rows = await connection.query<Row>(
      `SELECT r.id, r.type, r.identifier, r.body, r.created_by, r.asked_by, a.account, a.endpoint, a.types
       FROM task_requests r LEFT JOIN accounts a ON a.account = r.asked_by
       WHERE r.refused_at IS NULL ORDER BY r.created_at, r.id LIMIT ?`,
      [limit],
    );
    return rows.map((row) => ({
      id: row.id,
      type: row.type,
      identifier: bytesToText(row.identifier),
      body: row.body ?? "{}",
      createdBy: row.created_by,
      account: row.asked_by,
      manager:
        row.account === null
          ? null
          : { endpoint: row.endpoint, types: row.types === null ? null : (JSON.parse(row.types) as string[]) },
    }));
  });
}

export async function requestsDone(db: Database, ids: readonly string[]): Promise<void> {
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
