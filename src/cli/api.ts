import type { Command } from "commander";
import { loadConfig } from "../config/load";
import { createLog } from "../log";
import { startProcess } from "../tasker";
import { serve } from "./serve";
import { uiDir } from "./ui-dir";

export function register(program: Command): void {
  program
    .command("api")
    .description("The HTTP API and the reconciler")
    .action(async () => {
      const config = loadConfig();
      const log = createLog(config.log.level, { mode: config.runMode, process: "api" });
      const running = await startProcess({ config, log, api: true, endpoints: [], uiDir: uiDir() });
      serve(running, () => `tasker api is ready on ${running.api!.url}`);
    });
}
