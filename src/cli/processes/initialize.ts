import type { Command } from "commander";
import type * as Initialize from "../../initialize/initialize";

export function register(program: Command): void {
  program
    .command("initialize")
    .description("Create the database's tables and the broker's vhost, user and permissions")
    .option("--mode <mode>", "run mode whose config is used (default: TASKER_MODE)")
    .option("--reset", "drop everything first: all stored data is lost")
    .option("--yes", "do not ask")
    .option("--yes-reset <mode>", "for a reset of production: the name of the mode again")
    .option("--separate-users", "create users with the least rights, one for the API and one for managers")
    .option("--endpoint <name>", "create the users with the least rights for the manager of one endpoint")
    .option("--types <names>", "with --endpoint: the types it serves, separated by commas (default: all)")
    .option("--new-passwords", "with --separate-users or --endpoint: set new passwords for existing users too")
    .option("--dry-run", "only show what would be done")
    .action(async (options) => {
      const { initialize } = require("../../initialize/initialize") as typeof Initialize;
      process.exitCode = await initialize(options, {
        input: process.stdin,
        output: process.stdout,
        error: process.stderr,
      });
    });
}
