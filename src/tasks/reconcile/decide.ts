import { ANY_ENDPOINT } from "../../model/names";
import { bandOf } from "../../model/priority";
import { isFinal } from "../../model/response";
import type { DueResponse } from "../../store/store";
import type { Address } from "../../transport/transport";

export type Action = "settle" | "withdraw" | "miss" | "reclaim" | "reclaimLater" | "postpone" | "recheck" | "publish";

/** What a due response needs. Pure. */
export function decide(row: DueResponse): Action {
  if (isFinal(row.status)) return "settle";
  if (row.status === "running") return row.lost ? "reclaim" : row.overdue ? "reclaimLater" : "postpone";
  if (row.cancelling) return "withdraw";
  if (row.expired && row.status === "expected") return "miss";
  if (row.delayed) return "postpone";
  return row.published ? "recheck" : "publish";
}

/** The queue that its message stands in. */
export function addressOf({ type, endpoint, priority }: DueResponse): Address {
  return endpoint === ANY_ENDPOINT ? { to: "one", type, band: bandOf(priority) } : { to: "endpoint", type, endpoint };
}

/** Names that queue. */
export function queueOf({ type, endpoint, priority }: DueResponse): string {
  return `${type} ${endpoint} ${endpoint === ANY_ENDPOINT ? bandOf(priority) : 0}`;
}

/** For what something else makes due: a registration, a type that comes back. */
const FAR_MS = 3_600_000;

/** The row, to be looked at again at the end of its wait, its life, its delay or pause. */
export function untilNextMoment(row: DueResponse): DueResponse & { ms: number } {
  return { ...row, ms: row.nextClockMs ?? FAR_MS };
}
