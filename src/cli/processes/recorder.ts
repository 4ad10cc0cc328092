import type { Command } from "commander";
import type { Config } from "../../config/config";
import { ConfigError } from "../../errors";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("recorder")
    .description("Run one more recorder of what managers report over the broker; each API process has one")
    .action(() =>
      serve({
        process: "recorder",
        parts: (config) => ({ api: false, recorder: withBroker(config), endpoints: [] }),
        readyLine: () => "tasker recorder is ready",
      }),
    );
}

/** Throws ConfigError. */
function withBroker(config: Config): true {
  if (!config.broker.uri.startsWith("embedded:")) return true;
  throw new ConfigError([
    "a recorder needs a broker: `broker.uri` is embedded:, whose managers use the store of their own process; set broker.uri to amqp://…",
  ]);
}
