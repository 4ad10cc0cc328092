import type { TaskTypeConfig } from "../config/config";
import { TaskerError } from "../errors";
import type { ResponseKey, ResponseRecord, ResponseStatus } from "../model/response";
import type { TaskStore } from "../store/store";
import { rowsAt } from "./cancel";
import type { RetryBody } from "./requests/request";
import type { TaskReading } from "./service";

const RETRIABLE: readonly ResponseStatus[] = ["failed", "missed", "expected"];
const UNDER_WAY: readonly ResponseStatus[] = ["received", "running", "retrying"];

/** Opens the chosen responses again. Throws where none is expected, or it is under way. */
export async function retryTask(
  before: TaskReading<ResponseRecord>,
  { endpoints, statuses }: RetryBody,
  { waitMs, expiresMs }: TaskTypeConfig,
  store: TaskStore,
): Promise<ResponseKey[]> {
  for (const endpoint of endpoints ?? []) {
    if (!rowsAt(before, endpoint).some((row) => UNDER_WAY.includes(row.status))) continue;
    throw new TaskerError("illegal_state", `The task is under way at ${endpoint}: cancel it there or wait, then retry`);
  }
  const keys = endpoints?.map((name) => before.responses.find((row) => row.performer === name)?.endpoint ?? name);
  const chosen = { endpoints: keys, statuses: statuses ?? (endpoints ? undefined : RETRIABLE) };
  return store.retry(before.task.id, chosen, { waitMs, expiresMs });
}
