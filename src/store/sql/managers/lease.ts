import { isId } from "../../../model/ids";
import { ANY_ENDPOINT, isName } from "../../../model/names";
import type { ResponseKey } from "../../../model/response";
import type { LeaseRef } from "../../store";
import type { Connection, Dialect } from "../connection";
import { anyOf, apartIn, matchRange, pickShared, rangesOf, type Sql } from "../sql";

/**
 * What runs under these leases: each lease matches only the responses that are named with it. Each
 * response is named once. At most MAX_LIST.
 */
export function underLease(dialect: Dialect, leases: readonly LeaseRef[]): Sql {
  const ranges = rangesOf(leases).map((range) => {
    const lease = pickShared(dialect, range, ({ leaseId }) => leaseId, apartIn(range));
    return matchRange(dialect, range).add(" AND lease_id = ").append(lease);
  });
  return anyOf(ranges).add(" AND status = 'running'");
}

/**
 * Whether there can be such a response. What cannot stand in the key's columns cannot be compared
 * with them either, and would fail its neighbours' statement.
 */
export function isKey({ taskId, endpoint, job }: ResponseKey): boolean {
  return isId(taskId) && (isName(endpoint) || endpoint === ANY_ENDPOINT) && (job === "" || isName(job));
}

/**
 * Runs a statement on `rows` rows. On a single row its text never changes, and the server keeps it
 * parsed.
 */
export function runOn(connection: Connection, rows: number, { text, values }: Sql): Promise<number> {
  return rows === 1 ? connection.prepared(text, values) : connection.run(text, values);
}
