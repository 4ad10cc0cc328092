import { FIRST_VERSION } from "../../../model/message";
import type { AttemptEnd, Claim, LateClaim } from "../../store";
import type { Connection, Dialect } from "../connection";
import { groupBy, pickShared, Sql, unique } from "../sql";
import { take } from "./take";

/**
 * Ends of attempts that began before their claim. While nothing has happened to a row, claim and end are one UPDATE, by the
 * row's version. Where something has (it was told to wait at the endpoint, cancelled, taken by another, or this very end was
 * committed and its answer lost), the claim is made by itself, and the end follows under its lease as every other does.
 */
export interface LateEntry {
  taskId: string;
  end: AttemptEnd & { claim: LateClaim };
}

/** What goes before the end in the UPDATE's SET; `ran`: an expression in milliseconds. A row of the first version was never received. */
export function claimedWithEnd({ nowPlus, both }: Dialect, lease: string, ran: string): string {
  const times = both("started_at", "received_at", nowPlus(`-(${ran})`));
  return `lease_id = ${lease}, manager_id = ?, performer = ?, attempt = attempt + 1, ${times}, `;
}

/** After the row's key. */
export const UNTOUCHED = ` AND version = ${FIRST_VERSION} AND type = ? AND delay_until IS NULL`;

/** For rows of one endpoint, job, type and manager. */
export function lateSet(dialect: Dialect, run: readonly LateEntry[]): Sql {
  const { managerId, performer } = run[0]!.end.claim;
  // What was received together shares its lease, and most run equally long.
  const lease = pickShared(dialect, run, ({ end }) => end.leaseId);
  const ran = pickShared(dialect, run, ({ end }) => Math.max(0, Math.round(end.claim.ranMs)));
  const text = claimedWithEnd(dialect, lease.text, ran.text);
  return new Sql(text, [...lease.values, managerId, performer, ...ran.values]);
}

export function lateWhere(dialect: Dialect, run: readonly LateEntry[]): Sql {
  const { endpoint, job, claim } = run[0]!.end;
  const where = new Sql().append(dialect.isIn("task_id", unique(run.map(({ taskId }) => taskId))));
  return where.add(` AND endpoint = ? AND job = ?${UNTOUCHED}`, endpoint, job, claim.type);
}

/** Takes what can still be claimed as the attempt that it was, each under the lease it ran under. */
export async function claimLate(connection: Connection, run: readonly LateEntry[]): Promise<void> {
  const { managerId, performer } = run[0]!.end.claim;
  for (const [leaseId, group] of groupBy(run, ({ end }) => end.leaseId)) {
    const claims = group.map(({ taskId, end: { job, claim, generation, attempt } }): Claim => {
      return { taskId, job, type: claim.type, generation, attempt };
    });
    await take(connection, leaseId, managerId, performer, claims, { ended: true });
  }
}
