import type { Config } from "../config/config";
import { loadConfig } from "../config/loading/load";
import { createLog } from "../log";
import { isName } from "../model/names";
import { brokerPart } from "./broker";
import { confirmed, type InitializeIo, type InitializeOptions, refuseProductionByChance } from "./confirm";
import { databasePart } from "./database";
import { InitializeError, type Part, USAGE } from "./step";
import { type Role, Secrets, type Wanted } from "./users";

/**
 * `tasker initialize`: makes what a mode's config expects to find: database and tables, vhost, user and permissions; with
 * `reset` it drops them first. Shows host, database and vhost before anything else, asks, and may be repeated.
 *
 * `separateUsers` and `endpoint` make users with the least rights instead, and show the URIs to connect with once.
 *
 * Resolves with the exit code: 0 done (or only shown) · 1 the answer was no, or it failed · 2 no terminal and no `--yes` ·
 * 5 unreachable · 6 not allowed · 9 the config lacks something. Rejects with ConfigError where the config is broken.
 */
export async function initialize(options: InitializeOptions, io: InitializeIo): Promise<number> {
  const config = loadConfig({ mode: options.mode, onWarning: (sentence) => io.error.write(`warning: ${sentence}\n`) });
  try {
    return await initializeConfig(config, options, io);
  } catch (error) {
    if (!(error instanceof InitializeError)) throw error;
    io.error.write(`${error.message}\n`);
    return error.exitCode;
  }
}

async function initializeConfig(config: Config, options: InitializeOptions, io: InitializeIo): Promise<number> {
  const wanted = wantedUsers(config, options);
  const secrets = new Secrets();
  const reset = options.reset ?? false;
  const log = createLog("error");
  const parts = [databasePart(config, reset, log, wanted, secrets), brokerPart(config, reset, wanted, secrets)];
  const say = (line: string) => io.output.write(`${line}\n`);

  show([{ targets: [["run mode", `${config.runMode} (${config.file ?? "no file"})`]], steps: [] }, ...parts], say);
  const steps = parts.flatMap((part) => part.steps);
  if (options.dryRun) {
    say("would:");
    for (const step of steps) say(`  ${step.title}${step.destroys ? " (what is stored there is lost)" : ""}`);
    return 0;
  }
  refuseProductionByChance(config.runMode, options);
  if (!(await confirmed(options, io))) {
    say("Nothing was changed.");
    return 1;
  }
  try {
    for (const step of steps) say(`${step.title}: ${await step.run()}`);
    say("done");
  } finally {
    // Also when a later step failed: a password that was set and never shown helps nobody.
    for (const line of secrets.shown()) say(line);
  }
  if (config.runMode === "production" && wanted === null)
    say(
      "API and managers share one user with all rights; --separate-users makes one for each with just those it needs.",
    );
  return 0;
}

/** Null: one user, the config's own, serves API and managers. */
function wantedUsers(config: Config, options: InitializeOptions): Wanted | null {
  const { endpoint, newPasswords = false } = options;
  if (options.types !== undefined && endpoint === undefined)
    throw new InitializeError("--types goes with --endpoint NAME.", USAGE);
  if (endpoint === undefined && !options.separateUsers) {
    if (newPasswords)
      throw new InitializeError("--new-passwords goes with --separate-users or --endpoint NAME.", USAGE);
    return null;
  }
  if (endpoint !== undefined && !isName(endpoint)) {
    throw new InitializeError(
      `${JSON.stringify(endpoint)} is not an endpoint's name: it must match ^[a-z0-9][a-z0-9._-]{0,62}$`,
      USAGE,
    );
  }
  if (endpoint !== undefined && options.reset)
    throw new InitializeError("--endpoint adds users for one endpoint; a reset is for everything: choose one.", USAGE);
  if (config.database.uri.startsWith("sqlite:") || config.broker.uri.startsWith("embedded:")) {
    throw new InitializeError(
      "Users with rights of their own are RabbitMQ's and MySQL's; this config has an embedded part, which knows no users.",
      USAGE,
    );
  }
  const types = servedTypes(config, options);
  const roles: Role[] =
    endpoint === undefined ? [{ part: "api" }, { part: "manager" }] : [{ part: "manager", endpoint, types }];
  return { roles, newPasswords };
}

/** Undefined: all. */
function servedTypes(config: Config, { types }: InitializeOptions): string[] | undefined {
  if (types === undefined) return undefined;
  const names = types.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !Object.hasOwn(config.taskTypes, name));
  if (unknown.length === 0) return [...new Set(names)];
  throw new InitializeError(
    `--types names ${unknown.map((name) => JSON.stringify(name)).join(", ")}; the config has ${Object.keys(config.taskTypes).join(", ")}.`,
    USAGE,
  );
}

function show(parts: readonly Part[], say: (line: string) => void): void {
  for (const [what, where] of parts.flatMap((part) => part.targets)) say(`${what.padEnd(10)}${where}`);
}
