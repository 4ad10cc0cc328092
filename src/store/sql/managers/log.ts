import type { ResponseKey } from "../../../model/response";
import type { Connection, Database, Value } from "../connection";
import { fitting } from "../size";
import { chunks } from "../sql";
import { nowOf } from "../times";
import { isKey } from "./lease";

type Chunk = ResponseKey & { attempt: number; text: string };

const BATCH = 200;
const MAX_UNCONFIRMED = 1000;

/**
 * What handlers logged. The database numbers the chunks, so they stand in the order in which they
 * came.
 *
 * A write whose answer was lost may have been committed. The times under which it was tried are
 * kept here by its first chunk; when the same write is asked for again, a row with that chunk and
 * one of those times says that it is done.
 */
export class Logs {
  private readonly unconfirmed = new Map<string, string[]>();

  constructor(private readonly db: Database) {}

  async add(lines: readonly Chunk[]): Promise<void> {
    const valid = lines.filter(isKey);
    for (const part of chunks(valid, BATCH)) await this.addPart(part);
  }

  private async addPart(part: readonly Chunk[]): Promise<void> {
    const name = JSON.stringify(part[0]);
    const tried = this.unconfirmed.get(name) ?? [];
    try {
      await this.db.write(async (connection) => {
        const { runs } = fitting(part, ({ text }) => [text], connection.maxBytes);
        const first = runs[0]?.[0];
        if (!first || (await isStored(connection, first, tried))) return;
        const now = await nowOf(connection);
        tried.push(now);
        for (const run of runs) {
          const rows = run.map((line): Value[] => [
            ...[line.taskId, line.endpoint, line.job, line.attempt, now, line.text],
          ]);
          await connection.insert("response_logs", ["task_id", "endpoint", "job", "attempt", "at", "text"], rows);
        }
      });
      this.unconfirmed.delete(name);
    } catch (error) {
      if (tried.length > 0 && this.unconfirmed.size < MAX_UNCONFIRMED) this.unconfirmed.set(name, tried);
      throw error;
    }
  }
}

async function isStored(connection: Connection, chunk: Chunk, times: readonly string[]): Promise<boolean> {
  if (times.length === 0) return false;
  const at = connection.dialect.isIn("at", times);
  const rows = await connection.query(
    `SELECT seq FROM response_logs WHERE task_id = ? AND endpoint = ? AND job = ? AND attempt = ? AND text = ? AND ${at.text} LIMIT 1`,
    [chunk.taskId, chunk.endpoint, chunk.job, chunk.attempt, chunk.text, ...at.values],
  );
  return rows.length > 0;
}
