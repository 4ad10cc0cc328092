import type { Command } from "commander";
import type * as Load from "../../config/loading/load";
import type * as Logs from "../../log";
import type * as Processes from "../../tasker";
import { demo } from "../operator/demo";
import { uiDir } from "../ui-dir";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("up")
    .description("API and managers in one process (embedded mode: SQLite, nothing to install)")
    .option("--demo", "on an empty store submit a sample task and show it come back")
    .action(async (options: { demo?: boolean }) => {
      const { loadConfig } = require("../../config/loading/load") as typeof Load;
      const config = loadConfig();
      const { createLog } = require("../../log") as typeof Logs;
      const { startProcess } = require("../../tasker") as typeof Processes;
      const log = createLog(config.log.level, { mode: config.runMode });
      const running = await startProcess({
        config,
        log,
        api: true,
        endpoints: config.manager.endpoints,
        uiDir: uiDir(),
      });
      const line = () => `tasker is up on ${running.api!.url} with endpoints ${config.manager.endpoints.join(", ")}`;
      serve(running, line, options.demo ? () => demo(running) : undefined);
    });
}
