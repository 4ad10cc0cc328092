import { backoffMs, pause, RECONNECT } from "../../backoff";
import type { TaskTypeConfig } from "../../config/config";
import { StoreUnavailable } from "../../errors";
import type { SubmitRequest } from "../../model/handler";
import { newId } from "../../model/ids";
import type { ManagerContext } from "../context";

/**
 * A handler requests another task: the request goes into the store's inbox, and the API accepts it
 * within 1 s, with all the checks of a request over HTTP. Resolves once it is stored there; while
 * the store is unavailable it is repeated until the attempt's stop signal. What the type's
 * `submits` does not name is refused here, and by the API once more where the manager has a
 * database user of its own (tasks/requests/askers.ts).
 */
export async function submitRequest(
  context: ManagerContext,
  from: TaskTypeConfig,
  type: string,
  request: SubmitRequest,
  signal: AbortSignal,
): Promise<{ id: string }> {
  if (!Object.hasOwn(context.config.taskTypes, type)) {
    throw new Error(
      `context.submit: there is no task type "${type}"; the config has ${Object.keys(context.config.taskTypes).join(", ")}.`,
    );
  }
  if (from.submits !== null && !from.submits.includes(type)) {
    throw new Error(
      `context.submit: handlers of type ${from.name} may not ask for "${type}": its \`submits\` in the config names ${from.submits.join(", ") || "nothing"}.`,
    );
  }
  const { identifier, ...rest } = request;
  if (typeof identifier !== "string" || identifier === "") {
    throw new Error(
      "context.submit: the request needs an `identifier`, a string of 1–190 characters that makes it repeatable.",
    );
  }
  const row = { id: newId(), type, identifier, body: JSON.stringify(rest) };
  for (let tries = 1; ; tries++) {
    try {
      await context.store.request(row);
      return { id: row.id };
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || signal.aborted) throw error;
      await pause(backoffMs(tries, RECONNECT), signal);
    }
  }
}
