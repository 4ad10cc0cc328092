import type { Command } from "commander";
import type { Config, TaskTypeConfig } from "../../config/config";
import type * as Load from "../../config/loading/load";
import type * as Connect from "../../connect";
import type * as Logs from "../../log";
import type { Store } from "../../store/store";
import { usage } from "../failure";

/** Commands on the server itself: they read its config, some its database, and ask no API. */
export interface ServerOptions {
  mode?: string;
  config?: string;
}

export function withConfig(command: Command): Command {
  return command
    .option("--mode <mode>", "run mode: embedded, development, test or production (default: TASKER_MODE)")
    .option("--config <file>", "the config file (default: TASKER_CONFIG, or config/<mode>.config.yaml)");
}

/** Throws ConfigError. */
export function loadedConfig(options: ServerOptions): Load.LoadedConfig {
  const { loadConfigWithOrigins } = require("../../config/loading/load") as typeof Load;
  return loadConfigWithOrigins({ mode: options.mode, file: options.config });
}

/** As loadedConfig; warnings go to standard error. */
export function configOf(options: ServerOptions): Config {
  const { config, warnings } = loadedConfig(options);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  return config;
}

/** Throws CliError. */
export function typeOf({ taskTypes }: Config, name: string): TaskTypeConfig {
  if (Object.hasOwn(taskTypes, name)) return taskTypes[name]!;
  throw usage(`There is no task type ${JSON.stringify(name)}`, `known: ${Object.keys(taskTypes).join(", ")}`);
}

/**
 * Opens the config's database beside a server that may run, migrates it, and closes it afterwards.
 */
export async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  const { connectStore } = require("../../connect") as typeof Connect;
  const { silentLog } = require("../../log") as typeof Logs;
  const store = await connectStore(config, silentLog, { exclusive: false });
  try {
    await store.migrate();
    return await work(store);
  } finally {
    await store.close();
  }
}
