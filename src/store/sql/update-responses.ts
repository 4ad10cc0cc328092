import type { ResponseKey } from "../../model/response";
import type { Connection } from "./connection";
import { chunks, inKeyOrder, MAX_LIST, matchKeys, type Piece, Sql } from "./sql";

/**
 * Updates responses by primary key, in the order in which all writers lock them. Resolves to the
 * number of rows matched.
 *
 * @param set the assignments
 * @param and a further condition
 */
export async function updateResponses(
  connection: Connection,
  keys: readonly ResponseKey[],
  set: Piece,
  and?: Piece,
): Promise<number> {
  let matched = 0;
  for (const part of chunks([...keys].sort(inKeyOrder), MAX_LIST)) {
    const sql = new Sql(`UPDATE task_responses${connection.dialect.byKey} SET `).append(set).add(" WHERE ");
    sql.append(matchKeys(connection.dialect, part));
    if (and) sql.add(" AND ").append(and);
    matched += await connection.run(sql.text, sql.values);
  }
  return matched;
}
