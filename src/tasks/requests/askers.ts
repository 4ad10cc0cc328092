import type { Config } from "../../config/config";
import { TaskerError } from "../../errors";
import type { RequestRow } from "../../store/store";
import type { Caller } from "../service";

/**
 * Callers through the inbox. The database records the account that inserted a row. An account that
 * `initialize` made for managers may request only types that its own types list under `submits`.
 * Other accounts belong to applications: they may request every type and name the caller
 * themselves.
 */
export function askerOf(row: RequestRow): Caller {
  const { manager, createdBy } = row;
  const name = manager === null ? createdBy : manager.endpoint === null ? "managers" : `endpoint ${manager.endpoint}`;
  return { name, types: null, remote: null, traceparent: null };
}

/** Throws TaskerError `forbidden`. */
export function checkAsker(config: Config, { manager, type }: RequestRow): void {
  if (manager === null) return;
  const served = manager.types ?? Object.keys(config.taskTypes);
  const may = served.some(
    (name) => Object.hasOwn(config.taskTypes, name) && config.taskTypes[name]!.submits?.includes(type),
  );
  if (may) return;
  const who = manager.endpoint === null ? "Managers" : `Endpoint ${manager.endpoint}`;
  throw new TaskerError(
    "forbidden",
    `${who} may not ask for tasks of type ${type}: no type served there has it under \`submits\` in the config`,
  );
}
