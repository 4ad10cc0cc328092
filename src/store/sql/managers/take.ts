import { FIRST_VERSION } from "../../../model/message";
import { ANY_ENDPOINT } from "../../../model/names";
import type { Claim } from "../../store";
import type { Connection, Dialect } from "../connection";
import { groupBy, Sql, unique } from "../sql";

/**
 * What has been claimed is visited by the reconciler within this, unless its manager says before that it still runs. A visit
 * that is as near as that already stays where it is: most attempts have ended by then, and their visit with them.
 */
const VISIT_MS = 3000;

const FORGET = `, finished_at = NULL, retry_at = NULL, reason = NULL, error = NULL, progress = 0, progress_message = NULL,
     published = 0`;

/** The beginning of a claim, with places for lease, manager and endpoint. `fresh`: nothing is left of an earlier attempt. */
export function beginOf({ byKey, now, nowPlus }: Dialect, fresh: boolean): string {
  const visit = nowPlus(String(VISIT_MS));
  return `UPDATE task_responses${byKey} SET status = 'running', lease_id = ?, manager_id = ?, performer = ?, attempt = attempt + 1,
     received_at = COALESCE(received_at, ${now}), started_at = ${now}, timeout_at = ${nowPlus("timeout_ms")},
     due_at = CASE WHEN due_at BETWEEN ${now} AND ${visit} THEN due_at ELSE ${visit} END,
     version = version + 1${fresh ? "" : FORGET} WHERE `;
}

/** Its end: what a clock may say of a row that a message has outrun. */
export function clocksOf({ now }: Dialect, fresh: boolean): string {
  if (fresh) return " AND delay_until IS NULL";
  return ` AND (retry_at IS NULL OR retry_at <= ${now}) AND (delay_until IS NULL OR delay_until <= ${now})`;
}

/** Last of a claim, with a place for the manager: who is not an incarnation any more is granted nothing. */
export const ALIVE = " AND EXISTS (SELECT 1 FROM managers m WHERE m.id = ? AND m.state IN ('alive', 'draining'))";

/**
 * Returns how many were taken. `known`: the version that all of them must have; what was claimable in it still is, unless a
 * clock says otherwise that a message has outrun. `ended`: nothing is to run for it any more, whoever asks.
 */
export function take(
  connection: Connection,
  leaseId: string,
  managerId: string,
  endpoint: string,
  claims: readonly Claim[],
  { known, ended = false }: { known?: Known; ended?: boolean } = {},
): Promise<number> {
  const fresh = known?.version === FIRST_VERSION;
  const update = new Sql(beginOf(connection.dialect, fresh), [leaseId, managerId, endpoint]);
  if (known) {
    update.append(connection.dialect.isIn("task_id", unique(claims.map((claim) => claim.taskId))));
    const { job, type } = claims[0]!;
    update.add(" AND endpoint = ? AND job = ? AND version = ?", known.endpoint, job, known.version);
    if (type !== undefined) update.add(" AND type = ?", type);
  } else update.append(atEndpoint(connection, endpoint, claims, "", true)).add(CLAIMABLE);
  update.add(clocksOf(connection.dialect, fresh));
  if (!ended) update.add(ALIVE, managerId);
  return connection.run(update.text, update.values);
}

const CLAIMABLE = " AND status IN ('expected', 'received', 'retrying') AND cancel_at IS NULL";

type Known = NonNullable<Claim["known"]>;

/**
 * The manager's own rows and those that anybody may take. A message may name what it likes: another type's task is not found.
 *
 * @param fenced only in the generation that is claimed, and for what runs already as the attempt that it is
 */
export function atEndpoint(
  connection: Connection,
  endpoint: string,
  claims: readonly Claim[],
  prefix = "",
  fenced = false,
): Sql {
  const sql = new Sql("(");
  let first = true;
  const keyOf = ({ type = "", job, generation, attempt }: Claim) =>
    fenced ? `${type} ${job} ${generation} ${attempt}` : `${type} ${job}`;
  for (const group of groupBy(claims, keyOf).values()) {
    const { type, job, generation, attempt } = group[0]!;
    if (!first) sql.add(" OR ");
    first = false;
    sql.add("(").append(connection.dialect.isIn(`${prefix}task_id`, unique(group.map((claim) => claim.taskId))));
    sql.add(` AND ${prefix}endpoint IN (?, '${ANY_ENDPOINT}') AND ${prefix}job = ?`, endpoint, job);
    if (type !== undefined) sql.add(` AND ${prefix}type = ?`, type);
    if (fenced && generation !== undefined) sql.add(` AND ${prefix}generation <= ?`, generation);
    if (fenced && attempt !== undefined) sql.add(` AND ${prefix}attempt = ?`, attempt - 1);
    sql.add(")");
  }
  return sql.add(")");
}
