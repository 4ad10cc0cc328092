import type { Command } from "commander";
import type { Config } from "../../config/config";
import type * as Load from "../../config/loading/load";
import type * as Connect from "../../connect";
import type * as Logs from "../../log";
import type { AccessStore, Store } from "../../store/store";

/** Commands of an operator on the server itself: they read its config, some its database, and ask no API. */
export interface ServerOptions {
  mode?: string;
  config?: string;
}

export function withConfig(command: Command): Command {
  return command
    .option("--mode <mode>", "run mode: embedded, development, test or production (else TASKER_MODE)")
    .option("--config <file>", "the config file (else TASKER_CONFIG, or config/<mode>.config.yaml)");
}

/** Throws ConfigError. */
export function configOf(options: ServerOptions): Config {
  const { loadConfig } = require("../../config/loading/load") as typeof Load;
  return loadConfig({ mode: options.mode, file: options.config });
}

/** Opens the config's database beside a server that may run, brings its tables up to date, and closes it again. */
export function withAccess<T>(config: Config, work: (access: AccessStore) => Promise<T>): Promise<T> {
  return withStore(config, (store) => work(store.access));
}

/** Likewise, with all of it. */
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
