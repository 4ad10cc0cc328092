import type { Config } from "../config/config";
import { loadConfig } from "../config/loading/load";
import { createLog } from "../log";
import { isName } from "../model/names";
import { brokerPart } from "./broker";
import { confirmed, type InitializeIo, type InitializeOptions, refuseProductionByChance } from "./confirm";
import { databasePart } from "./database";
import { InitializeError, type Part } from "./step";
import { type Role, Secrets, type Wanted } from "./users";

/**
 * `tasker initialize`: creates what a mode's config refers to: database and tables, vhost, user and
 * permissions. With `reset` it drops them first. It shows host, database and vhost, asks, and may
 * be repeated. `separateUsers` and `endpoint` create users with the least rights instead, and show
 * their URIs once.
 *
 * Resolves to the exit code: 0 done (or only shown) · 1 the answer was no, or it failed · 2 no
 * terminal and no `--yes` · 5 unreachable · 6 not allowed · 9 the config lacks something. Rejects
 * with ConfigError where the config is not valid.
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
    // Also after a failed step: a password that was set must be shown.
    for (const line of secrets.shown()) say(line);
  }
  if (config.runMode === "production" && wanted === null)
    say(
      "API and managers share one user with all rights; --separate-users makes one for each with just those it needs.",
    );
  return 0;
}

/** Null: API and managers share the config's own user. */
function wantedUsers(config: Config, options: InitializeOptions): Wanted | null {
  const { endpoint, newPasswords = false } = options;
  if (options.types !== undefined && endpoint === undefined)
    throw new InitializeError("usage", "--types goes with --endpoint NAME.");
  if (endpoint === undefined && !options.separateUsers) {
    if (newPasswords)
      throw new InitializeError("usage", "--new-passwords goes with --separate-users or --endpoint NAME.");
    return null;
  }
  if (endpoint !== undefined && !isName(endpoint)) {
    throw new InitializeError(
      "usage",
      `${JSON.stringify(endpoint)} is not an endpoint's name: it must match ^[a-z0-9][a-z0-9._-]{0,62}$`,
    );
  }
  if (endpoint !== undefined && options.reset)
    throw new InitializeError(
      "usage",
      "--endpoint adds users for one endpoint; a reset is for everything: choose one.",
    );
  if (config.database.uri.startsWith("sqlite:") || config.broker.uri.startsWith("embedded:")) {
    throw new InitializeError(
      "usage",
      "Only RabbitMQ and MySQL have users; this config has an embedded broker or database.",
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
    "usage",
    `--types names ${unknown.map((name) => JSON.stringify(name)).join(", ")}; the config has ${Object.keys(config.taskTypes).join(", ")}.`,
  );
}

function show(parts: readonly Part[], say: (line: string) => void): void {
  for (const [what, where] of parts.flatMap((part) => part.targets)) say(`${what.padEnd(10)}${where}`);
}
