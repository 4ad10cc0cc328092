import { groupBy } from "../../../group-by";
import { ANY_ENDPOINT } from "../../../model/names";
import type { Claim } from "../../store";
import type { Dialect } from "../connection";
import { CLAIM_VISIT_MS } from "../due-times";
import { Sql, unique } from "../sql";

export interface Claimant {
  leaseId: string;
  managerId: string;
  endpoint: string;
  /** The attempts have ended: their incarnation need not live any more. */
  ended?: boolean;
}

/**
 * The UPDATE that grants claims: what is claimable becomes `running` under the lease. A visit of
 * the reconciler that is due within CLAIM_VISIT_MS stays where it is, since most attempts have
 * ended by then. A row that is still as it is known to be is claimable unless a clock says
 * otherwise, and clocks are asked in either case.
 */
export function claimStatement(dialect: Dialect, claimant: Claimant, claims: readonly Claim[]): Sql {
  const { byKey, now, nowPlus } = dialect;
  const { leaseId, managerId, endpoint, ended } = claimant;
  const visit = nowPlus(String(CLAIM_VISIT_MS));
  const update = new Sql(
    `UPDATE task_responses${byKey} SET status = 'running', lease_id = ?, manager_id = ?, performer = ?, attempt = attempt + 1,
     received_at = COALESCE(received_at, ${now}), started_at = ${now}, timeout_at = ${nowPlus("timeout_ms")},
     due_at = CASE WHEN due_at BETWEEN ${now} AND ${visit} THEN due_at ELSE ${visit} END, version = version + 1,
     finished_at = NULL, retry_at = NULL, reason = NULL, error = NULL, progress = 0, progress_message = NULL, published = 0
     WHERE `,
    [leaseId, managerId, endpoint],
  );
  update.append(rowsOf(dialect, endpoint, claims, { fenced: true }));
  update.add(
    ` AND status IN ('expected', 'received', 'retrying') AND cancel_at IS NULL
     AND (retry_at IS NULL OR retry_at <= ${now}) AND (delay_until IS NULL OR delay_until <= ${now})`,
  );
  // An incarnation that was declared dead, retired or closed is granted nothing.
  if (!ended)
    update.add(" AND EXISTS (SELECT 1 FROM managers m WHERE m.id = ? AND m.state IN ('alive', 'draining'))", managerId);
  return update;
}

/**
 * The rows that are claimed: the endpoint's own and those that anybody may take. The type is part
 * of the condition, because a message may name any task.
 *
 * @param options.fenced only in the known version; or only in the claimed generation, and as the
 *   claimed attempt
 */
export function rowsOf(
  dialect: Dialect,
  endpoint: string,
  claims: readonly Claim[],
  { prefix = "", fenced = false } = {},
): Sql {
  const sql = new Sql("(");
  let first = true;
  for (const group of groupBy(claims, fenced ? fenceOf : kindOf).values()) {
    const { type, job, generation, attempt, known, endpoint: key } = group[0]!;
    if (!first) sql.add(" OR ");
    first = false;
    sql.add("(").append(dialect.isIn(`${prefix}task_id`, unique(group.map((claim) => claim.taskId))));
    if (fenced && known) sql.add(` AND ${prefix}endpoint = ?`, key ?? endpoint);
    else sql.add(` AND ${prefix}endpoint IN (?, '${ANY_ENDPOINT}')`, endpoint);
    sql.add(` AND ${prefix}job = ?`, job);
    if (type !== undefined) sql.add(` AND ${prefix}type = ?`, type);
    if (fenced && known) sql.add(` AND ${prefix}version = ?`, known.version);
    else {
      if (fenced && generation != null) sql.add(` AND ${prefix}generation <= ?`, generation);
      if (fenced && attempt !== undefined) sql.add(` AND ${prefix}attempt = ?`, attempt - 1);
    }
    sql.add(")");
  }
  return sql.add(")");
}

const kindOf = ({ type, job }: Claim): string => `${type} ${job}`;

function fenceOf({ type, job, endpoint, known, generation, attempt }: Claim): string {
  return `${type} ${job} ${known ? `${endpoint} version ${known.version}` : `${generation} ${attempt}`}`;
}
