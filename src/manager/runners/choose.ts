import type { TaskTypeConfig } from "../../config/config";
import { commandRunner } from "./command/command";
import { httpRunner } from "./http/http";
import { inlineRunner } from "./module/inline";
import { moduleRunner } from "./module/module";
import type { Runner } from "./runner";
import type { CreateRunnerOptions, RunnerOptions } from "./runner-options";

const DEFAULT_MAX_LOG_BYTES = 1024 * 1024;

/**
 * The runner for a type (or for one job of it): a given function, the module, the command or the
 * HTTP call that its config names.
 */
export function createRunner(type: TaskTypeConfig, options: CreateRunnerOptions): Runner {
  const shared: RunnerOptions = { ...options, maxLogBytes: options.maxLogBytes ?? DEFAULT_MAX_LOG_BYTES };
  const { performer } = type;
  const handler = options.job ?? (performer.kind === "module" ? performer.handler : null);
  if (handler !== null) {
    const functions = options.functions ?? {};
    const given = Object.hasOwn(functions, handler) ? functions[handler]! : null;
    if (given || type.isolation === "inline") return inlineRunner(handler, given, shared);
    return moduleRunner(handler, type.concurrency, type.reuse, shared);
  }
  if (performer.kind === "command") return commandRunner(performer, shared);
  if (performer.kind === "http") return httpRunner(performer, shared);
  throw new Error(`The type ${type.name} names nothing that could perform it.`);
}
