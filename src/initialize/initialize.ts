import type { Config } from "../config/config";
import { loadConfig } from "../config/load";
import { createLog } from "../log";
import { brokerPart } from "./broker";
import { confirmed, type InitializeIo, type InitializeOptions, refuseProductionByChance } from "./confirm";
import { databasePart } from "./database";
import { InitializeError, type Part, USAGE } from "./step";

/**
 * `tasker initialize`: makes what a mode's config expects to find: database and tables, vhost, user and permissions; with
 * `reset` it drops them first. Shows host, database and vhost before anything else, asks, and may be repeated.
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
  if (options.endpoint)
    throw new InitializeError("--endpoint is not supported yet: one user serves API and managers.", USAGE);
  const reset = options.reset ?? false;
  const log = createLog("error");
  const parts = [databasePart(config, reset, log), brokerPart(config, reset)];
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
  for (const step of steps) say(`${step.title}: ${await step.run()}`);
  say("done");
  return 0;
}

function show(parts: readonly Part[], say: (line: string) => void): void {
  for (const [what, where] of parts.flatMap((part) => part.targets)) say(`${what.padEnd(10)}${where}`);
}
