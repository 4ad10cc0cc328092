import type { LeaseRef } from "../../store";
import type { Dialect } from "../connection";
import { groupBy, matchKeys, Sql } from "../sql";

/** What runs under these leases: each is only ever matched with the responses that were named with it. At most MAX_LIST. */
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
