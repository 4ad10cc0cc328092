import { groupBy } from "../../../group-by";
import { ANY_ENDPOINT } from "../../../model/names";
import type { ResponseKey } from "../../../model/response";
import type { Claim } from "../../store";
import type { Dialect } from "../connection";
import { CLAIM_VISIT_MS } from "../due-times";
import { anyOf, apartIn, matchRange, pick, pickShared, rangesOf, Sql, unique } from "../sql";

/** A row that is wanted, and for whom. */
export interface Wanted extends ResponseKey, Pick<Claim, "type" | "generation" | "attempt"> {
  leaseId: string;
  managerId: string;
  performer: string;
  /** The row may be anybody's (ANY_ENDPOINT), too. Only where all is wanted by one performer. */
  orAnybody: boolean;
  /** Only while this is the row's version. */
  version?: number;
}

/**
 * The UPDATE that grants claims: what is claimable becomes `running` under the lease. A visit of
 * the reconciler that is due within CLAIM_VISIT_MS stays where it is, since most attempts have
 * ended by then. A row that is still as it is known to be is claimable unless a clock says
 * otherwise, and clocks are asked in either case.
 *
 * Several managers share it where each endpoint's rows are wanted by one manager, under one lease.
 *
 * @param ended The attempts have ended: their incarnations need not live any more.
 */
export function claimStatement(dialect: Dialect, wanted: readonly Wanted[], ended = false): Sql {
  const { byKey, now, nowPlus } = dialect;
  const { performer } = wanted[0]!;
  // The column is qualified because managers have an endpoint, too.
  const by = { ...apartIn(wanted) };
  by.column = `task_responses.${by.column}`;
  const each = [...new Map(wanted.map((row) => [by.of(row), row])).values()];
  const manager = pick(each, ({ managerId }) => managerId, by);
  const visit = nowPlus(String(CLAIM_VISIT_MS));
  const update = new Sql(`UPDATE task_responses${byKey} SET status = 'running', lease_id = `);
  update.append(pickShared(dialect, each, ({ leaseId }) => leaseId, by));
  update.add(", manager_id = ").append(manager);
  if (each.some((row) => row.performer !== performer)) update.add(", performer = endpoint");
  else update.add(", performer = ?", performer);
  update.add(
    `, attempt = attempt + 1,
     received_at = COALESCE(received_at, ${now}), started_at = ${now}, timeout_at = ${nowPlus("timeout_ms")},
     due_at = CASE WHEN due_at BETWEEN ${now} AND ${visit} THEN due_at ELSE ${visit} END, version = version + 1,
     finished_at = NULL, retry_at = NULL, reason = NULL, error = NULL, progress = 0, progress_message = NULL, published = 0
     WHERE `,
  );
  update.append(rowsOf(dialect, wanted, { fenced: true }));
  update.add(
    ` AND status IN ('expected', 'received', 'retrying') AND cancel_at IS NULL
     AND (retry_at IS NULL OR retry_at <= ${now}) AND (delay_until IS NULL OR delay_until <= ${now})`,
  );
  // An incarnation that was declared dead, retired or closed is granted nothing.
  if (!ended) {
    update.add(" AND EXISTS (SELECT 1 FROM managers m WHERE m.id = ").append(manager);
    update.add(" AND m.state IN ('alive', 'draining'))");
  }
  return update;
}

/**
 * The rows that are wanted. The type is part of the condition, because a message may name any task.
 *
 * @param options.fenced only in the known version; or only in the claimed generation, and as the
 *   claimed attempt
 */
export function rowsOf(dialect: Dialect, wanted: readonly Wanted[], { prefix = "", fenced = false } = {}): Sql {
  const conditions: Sql[] = [];
  for (const group of groupBy(wanted, fenced ? fenceOf : kindOf).values()) {
    const { type, generation, attempt, version } = group[0]!;
    for (const rows of placesOf(dialect, group, prefix)) {
      if (type !== undefined) rows.add(` AND ${prefix}type = ?`, type);
      if (fenced && version !== undefined) rows.add(` AND ${prefix}version = ?`, version);
      else {
        if (fenced && generation != null) rows.add(` AND ${prefix}generation <= ?`, generation);
        if (fenced && attempt !== undefined) rows.add(` AND ${prefix}attempt = ?`, attempt - 1);
      }
      conditions.push(rows);
    }
  }
  return anyOf(conditions);
}

function placesOf(dialect: Dialect, group: readonly Wanted[], prefix: string): Sql[] {
  const { orAnybody, endpoint, job } = group[0]!;
  if (!orAnybody) return rangesOf(group).map((range) => matchRange(dialect, range, prefix));
  const tasks = dialect.isIn(`${prefix}task_id`, unique(group.map(({ taskId }) => taskId)));
  const rows = new Sql().append(tasks);
  return [rows.add(` AND ${prefix}endpoint IN (?, '${ANY_ENDPOINT}') AND ${prefix}job = ?`, endpoint, job)];
}

const kindOf = ({ type, job, orAnybody }: Wanted): string => `${type} ${job} ${orAnybody}`;

function fenceOf(row: Wanted): string {
  const { version, generation, attempt } = row;
  return `${kindOf(row)} ${version !== undefined ? `version ${version}` : `${generation} ${attempt}`}`;
}
