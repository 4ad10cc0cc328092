import { CLAIMABLE, FINAL_STATUSES, RESPONSE_STATUSES, type ResponseStatus } from "../../model/response";

/** Fragments of SQL that statements share. */

const listOf = (statuses: readonly ResponseStatus[]) => statuses.map((status) => `'${status}'`).join(", ");
const isFinalStatus = new Set<ResponseStatus>(FINAL_STATUSES);

/** For `status IN (…)` of a response. */
export const FINAL = listOf(FINAL_STATUSES);
export const OPEN = listOf(RESPONSE_STATUSES.filter((status) => !isFinalStatus.has(status)));
/** A claim may start an attempt. */
export const WAITING = listOf(CLAIMABLE);

/** Open responses, found by the due index. @param alias of task_responses, with its dot */
export const openRows = (alias = "") => `${alias}finished_at IS NULL AND ${alias}due_at IS NOT NULL`;

/** Neither the delay nor the next attempt lies ahead. */
export const clocksOver = (now: string) =>
  `(delay_until IS NULL OR delay_until <= ${now}) AND (retry_at IS NULL OR retry_at <= ${now})`;

/** A manager that has neither left nor been declared dead. */
export const LIVING = "state IN ('alive', 'draining')";

/** For SET: a response ends. */
export const endsNow = (now: string) =>
  `finished_at = ${now}, retry_at = NULL, due_at = NULL, changed_at = ${now}, version = version + 1`;
