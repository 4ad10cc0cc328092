import type { Command } from "commander";
import { uiDir } from "../ui-dir";
import { serve } from "./serve";

export function register(program: Command): void {
  program
    .command("api")
    .description("Run the HTTP API and the reconciler")
    .action(() =>
      serve({
        process: "api",
        parts: () => ({ api: true, endpoints: [], uiDir: uiDir() }),
        readyLine: ({ api }) => `tasker api is ready on ${api!.url}`,
      }),
    );
}
