import type { Command } from "commander";
import type * as Load from "../../config/loading/load";
import { configValues } from "../../config/loading/values";
import { act, type Session, withOutput } from "../session";
import { type ServerOptions, withConfig } from "./on-server";

export function register(program: Command): void {
  const config = program
    .command("config")
    .description("The server's configuration: check it, or see what it amounts to");
  const check = config.command("check").description("Say everything that is wrong with it; exit code 9 if anything is");
  const print = config
    .command("print")
    .description("Every setting with its value; passwords are hidden")
    .option("--origin", "and the origin of each: a variable, a line of a file, or the default");
  act(withOutput(withConfig(check)), checkConfig);
  act(withOutput(withConfig(print)), printConfig);
}

function load(options: ServerOptions) {
  const { loadConfigWithOrigins } = require("../../config/loading/load") as typeof Load;
  return loadConfigWithOrigins({ mode: options.mode, file: options.config });
}

function checkConfig({ out }: Session, options: ServerOptions): void {
  const { config, warnings } = load(options);
  const types = Object.keys(config.taskTypes);
  out.result({
    json: { ok: true, run_mode: config.runMode, file: config.file, task_types: types, warnings },
    ids: [],
    columns: ["RUN MODE", "FILE", "TASK TYPES"],
    rows: [[config.runMode, config.file, types.join(",")]],
  });
  for (const warning of warnings) out.say(`warning: ${warning}`);
  if (out.plain) out.say("The configuration is valid.");
}

function printConfig({ out }: Session, options: ServerOptions & { origin?: boolean }): void {
  const { config, origin } = load(options);
  const items = configValues(config).map(({ path, value, instead }) => {
    const own = origin(path);
    const { from, where } = own.from === "default" && instead ? origin(instead) : own;
    return { key: path.join("."), value, from, where };
  });
  out.result({
    json: { run_mode: config.runMode, items: options.origin ? items : items.map(({ key, value }) => ({ key, value })) },
    ids: items.map((item) => item.key),
    columns: options.origin ? ["KEY", "VALUE", "FROM"] : ["KEY", "VALUE"],
    rows: items.map(({ key, value, from, where }) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return options.origin ? [key, text, where ?? from] : [key, text];
    }),
  });
}
