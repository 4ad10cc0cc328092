import type { RequestRow } from "../../store";
import type { Database } from "../connection";
import { bytesToText, nowOf } from "../rows";
import { chunks, MAX_LIST } from "../sql";

interface Row {
  id: string;
  type: string;
  identifier: string | Buffer;
  body: string | null;
  created_by: string | null;
}

/** The inbox: whoever can write to the database puts a request for a task here, with a transaction of their own. */
export async function addRequest(db: Database, row: RequestRow): Promise<void> {
  await db.write(async (connection) => {
    await connection.insert(
      "task_requests",
      ["id", "type", "identifier", "body", "created_by", "created_at"],
      [[row.id, row.type, row.identifier, row.body, row.createdBy, await nowOf(connection)]],
      "keep",
    );
  });
}

export function openRequests(db: Database, limit: number): Promise<RequestRow[]> {
  return db.read(async (connection) => {
    const rows = await connection.query<Row>(
      "SELECT id, type, identifier, body, created_by FROM task_requests WHERE refused_at IS NULL ORDER BY created_at, id LIMIT ?",
      [limit],
    );
    return rows.map((row) => ({
      id: row.id,
      type: row.type,
      identifier: bytesToText(row.identifier),
      body: row.body ?? "{}",
      createdBy: row.created_by,
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
