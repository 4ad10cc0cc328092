import type { Command } from "commander";
import type * as Load from "../../config/loading/load";
import { ConfigError } from "../../errors";
import type * as Logs from "../../log";
import { isName } from "../../model/names";
import type * as Processes from "../../tasker";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("manager")
    .description("A manager: performs tasks at one endpoint")
    .option("--endpoint <name>", "the endpoint's name (else TASKER_ENDPOINT or manager.endpoint of the config)")
    .action(async (options: { endpoint?: string }) => {
      const { loadConfig } = require("../../config/loading/load") as typeof Load;
      const config = loadConfig();
      const endpoints = options.endpoint ? [options.endpoint] : config.manager.endpoints;
      if (config.broker.uri.startsWith("embedded:")) {
        throw new ConfigError([
          "a manager in a process of its own needs a broker: `broker.uri` is embedded:, which lives in one process; use `tasker up`, or set broker.uri to amqp://…",
        ]);
      }
      if (endpoints.length === 0) {
        throw new ConfigError(["no endpoint is named: use --endpoint NAME, TASKER_ENDPOINT or manager.endpoint"]);
      }
      const bad = endpoints.find((name) => !isName(name));
      if (bad !== undefined) {
        throw new ConfigError([
          `${JSON.stringify(bad)} is not an endpoint's name: it must match ^[a-z0-9][a-z0-9._-]{0,62}$`,
        ]);
      }
      const { createLog } = require("../../log") as typeof Logs;
      const { startProcess } = require("../../tasker") as typeof Processes;
      const log = createLog(config.log.level, { mode: config.runMode, process: "manager" });
      const running = await startProcess({ config, log, api: false, endpoints });
      serve(running, () => {
        const types = running.managers[0]!.types.join(", ") || "it serves no types";
        return `tasker manager is ready at endpoint ${endpoints.join(", ")} (${types})`;
      });
    });
}
