import { ANY_ENDPOINT } from "../../model/names";
import { bandOf } from "../../model/priority";
import { isFinal } from "../../model/response";
import type { DueResponse } from "../../store/store";
import type { Address } from "../../transport/transport";

export type Action = "settle" | "withdraw" | "miss" | "reclaim" | "await" | "wait" | "recheck" | "publish";

/** What a due response needs. Pure. */
export function decide(row: DueResponse): Action {
  if (isFinal(row.status)) return "settle";
  if (row.status === "running") return row.lost ? "reclaim" : row.overdue ? "await" : "wait";
  if (row.cancelling) return "withdraw";
  if (row.expired && row.status === "expected") return "miss";
  if (row.delayed) return "wait";
  return row.published ? "recheck" : "publish";
}

export function addressOf(row: DueResponse): Address {
  return row.endpoint === ANY_ENDPOINT
    ? { to: "one", type: row.type, band: bandOf(row.priority) }
    : { to: "endpoint", type: row.type, endpoint: row.endpoint };
}

/** By the queue that their messages stand in. */
export function groupByQueue(rows: DueResponse[]): Map<string, DueResponse[]> {
  const groups = new Map<string, DueResponse[]>();
  for (const row of rows) {
    const band = row.endpoint === ANY_ENDPOINT ? bandOf(row.priority) : 0;
    const key = `${row.type} ${row.endpoint} ${band}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}
