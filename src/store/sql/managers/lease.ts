import { groupBy } from "../../../group-by";
import type { LeaseRef } from "../../store";
import type { Connection, Dialect } from "../connection";
import { matchKeys, Sql } from "../sql";

/**
 * What runs under these leases: each lease matches only the responses that are named with it. At
 * most MAX_LIST.
 */
export function underLease(dialect: Dialect, leases: readonly LeaseRef[]): Sql {
  const sql = new Sql("(");
  let first = true;
  for (const [leaseId, group] of groupBy(leases, (lease) => lease.leaseId)) {
    if (!first) sql.add(" OR ");
    first = false;
    sql.add("(").append(matchKeys(dialect, group)).add(" AND lease_id = ?)", leaseId);
  }
  return sql.add(") AND status = 'running'");
}

/**
 * Runs a statement on `rows` rows. On a single row its text never changes, and the server keeps it
 * parsed.
 */
export function runOn(connection: Connection, rows: number, { text, values }: Sql): Promise<number> {
  return rows === 1 ? connection.prepared(text, values) : connection.run(text, values);
}
