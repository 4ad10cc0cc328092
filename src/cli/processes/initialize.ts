import type { Command } from "commander";
import type * as Initialize from "../../initialize/initialize";

export function register(program: Command): void {
  program
    .command("initialize")
    .description("Create the database's tables and the broker's vhost, user and permissions")
    .option("--mode <mode>", "run mode whose config is used (else TASKER_MODE)")
    .option("--reset", "drop and re-create: everything stored is lost")
    .option("--yes", "do not ask")
    .option("--yes-reset <mode>", "for production: the mode's name once more")
    .option("--separate-users", "make users with the least rights, one for the API and one for managers")
    .option("--endpoint <name>", "make the users with the least rights of one endpoint's manager")
    .option("--types <names>", "with --endpoint: the types it serves, with commas between (else all)")
    .option("--new-passwords", "with these: users that exist already get new passwords too")
    .option("--dry-run", "show what would be done")
    .action(async (options) => {
      const { initialize } = require("../../initialize/initialize") as typeof Initialize;
      process.exitCode = await initialize(options, {
        input: process.stdin,
        output: process.stdout,
        error: process.stderr,
      });
    });
}
