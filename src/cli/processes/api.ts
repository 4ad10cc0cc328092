import type { Command } from "commander";
import type * as Load from "../../config/loading/load";
import type * as Logs from "../../log";
import type * as Processes from "../../tasker";
import { uiDir } from "../ui-dir";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("api")
    .description("The HTTP API and the reconciler")
    .action(async () => {
      const { loadConfig } = require("../../config/loading/load") as typeof Load;
      const config = loadConfig();
      const { createLog } = require("../../log") as typeof Logs;
      const { startProcess } = require("../../tasker") as typeof Processes;
      const log = createLog(config.log.level, { mode: config.runMode, process: "api" });
      const running = await startProcess({ config, log, api: true, endpoints: [], uiDir: uiDir() });
      serve(running, () => `tasker api is ready on ${running.api!.url}`);
    });
}
