import type { Command } from "commander";
import type * as Initialize from "../initialize/initialize";

export function register(program: Command): void {
  program
    .command("initialize")
    .description("Create the database's tables and the broker's vhost, user and permissions")
    .option("--mode <mode>", "run mode whose config is used (else TASKER_MODE)")
    .option("--reset", "drop and re-create: everything stored is lost")
    .option("--yes", "do not ask")
    .option("--yes-reset <mode>", "for production: the mode's name once more")
    .option("--endpoint <name>", "make the least-privileged users of one endpoint's manager")
    .option("--dry-run", "show what would be done")
    .action(async (options) => {
      const { initialize } = require("../initialize/initialize") as typeof Initialize;
      process.exitCode = await initialize(options, {
        input: process.stdin,
        output: process.stdout,
        error: process.stderr,
      });
    });
}
