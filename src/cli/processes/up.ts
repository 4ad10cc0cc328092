import type { Command } from "commander";
import { demo } from "../operator/demo";
import { uiDir } from "../ui-dir";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("up")
    .description("Run the API and managers in one process (embedded mode: SQLite, nothing to install)")
    .option("--demo", "submit a sample task to an empty store and show its progress")
    .action((options: { demo?: boolean }) =>
      serve({
        parts: ({ manager }) => ({ api: true, endpoints: manager.endpoints, uiDir: uiDir() }),
        readyLine: ({ api, config }) =>
          `tasker is up on ${api!.url} with endpoints ${config.manager.endpoints.join(", ")}`,
        onReady: options.demo ? demo : undefined,
      }),
    );
}
