import type { Command } from "commander";
import { configValues } from "../../config/loading/values";
import { act, type Session, withOutput } from "../session";
import { loadedConfig, type ServerOptions, withConfig } from "./on-server";

export function register(program: Command): void {
  const config = program.command("config").description("Check or print the server's configuration");
  const check = config.command("check").description("Report every problem; exit code 9 if there is one");
  const print = config
    .command("print")
    .description("Print every setting with its value; passwords are hidden")
    .option("--origin", "add where each value comes from: a variable, a line of a file, or the default");
  act(withOutput(withConfig(check)), checkConfig);
  act(withOutput(withConfig(print)), printConfig);
}

function checkConfig({ out }: Session, options: ServerOptions): void {
  const { config, warnings } = loadedConfig(options);
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
  const { config, origin } = loadedConfig(options);
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
