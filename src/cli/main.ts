#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { VERSION } from "../version";
import { checkArguments } from "./arguments";
import { EXIT, EXIT_HELP } from "./exit-codes";
import { explain } from "./failure";
import { OutputGone, standardStreams } from "./stdio";

/**
 * The commands, in the order of the help. A file is loaded only when its command is called (all of
 * them for the help), so that a quick command does not wait for the server's libraries.
 */
const COMMANDS: Record<string, () => { register(program: Command): void }> = {
  up: () => require("./processes/up"),
  api: () => require("./processes/api"),
  manager: () => require("./processes/manager"),
  recorder: () => require("./processes/recorder"),
  initialize: () => require("./processes/initialize"),
  submit: () => require("./tasks/submit"),
  status: () => require("./tasks/status"),
  wait: () => require("./tasks/wait"),
  list: () => require("./tasks/list"),
  missing: () => require("./tasks/missing"),
  responses: () => require("./tasks/responses"),
  log: () => require("./tasks/log"),
  retry: () => require("./tasks/retry"),
  cancel: () => require("./tasks/cancel"),
  types: () => require("./operator/types"),
  endpoints: () => require("./operator/endpoints"),
  run: () => require("./operator/run"),
  keys: () => require("./operator/keys"),
  config: () => require("./operator/config"),
  context: () => require("./context"),
  doctor: () => require("./operator/doctor"),
  completion: () => require("./completion/completion"),
  __complete: () => require("./completion/complete"),
};
const ALIASES: Record<string, string> = { send: "submit", ls: "list", logs: "log" };
/** These continue to serve after their action has returned, and end the process themselves. */
const SERVING = ["up", "api", "manager", "recorder"];
/** Needs every command. */
const COMPLETE = "__complete";
const VERSION_OPTIONS = ["-V", "--version"];

async function main(words: readonly string[]): Promise<void> {
  checkArguments(words);
  const first = words[0] ?? "";
  const name = ALIASES[first] ?? first;
  const program = new Command("tasker")
    .description("Send one task to many named endpoints and know who has done it, who failed and who never answered.")
    .version(VERSION, "-V, --version")
    .showSuggestionAfterError()
    .showHelpAfterError("next     add --help to the command to see how it is used")
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText("after", EXIT_HELP);
  for (const wanted of wantedFor(name)) COMMANDS[wanted]!().register(program);
  if (words.length === 0) {
    program.outputHelp();
    return end();
  }
  await program.parseAsync(words, { from: "user" });
  if (!SERVING.includes(name)) await end();
}

/** The commands needed to parse a command line that begins with `name`. */
function wantedFor(name: string): string[] {
  if (VERSION_OPTIONS.includes(name)) return [];
  return Object.hasOwn(COMMANDS, name) && name !== COMPLETE ? [name] : Object.keys(COMMANDS);
}

/**
 * Ends the process once all output is written, without waiting for idle connections. Output that
 * could not be written is reported on standard error and by the exit code.
 */
async function end(code: number = Number(process.exitCode ?? 0)): Promise<void> {
  await standardStreams.flush();
  const problem = standardStreams.problem();
  if (problem !== null) {
    process.stderr.write(`${problem}\n  next     the command itself has finished; make room, then look again\n`);
    await standardStreams.flush();
  }
  process.exit(standardStreams.exitCode(code));
}

function fail(error: unknown): Promise<void> {
  if (error instanceof CommanderError) {
    // Help and version are no failure. Commander has already reported anything else.
    return end(error.exitCode === 0 || error.code === "commander.help" ? error.exitCode : EXIT.usage);
  }
  if (error instanceof OutputGone) return end(EXIT.done);
  const { exit, lines } = explain(error);
  process.stderr.write(`${lines.join("\n")}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return end(exit);
}

standardStreams.watch();
main(process.argv.slice(2)).catch(fail);
