import type { Command, Option } from "commander";
import { TaskerClient } from "../../client";
import { TASK_STATUSES } from "../../client/types";
import { clientSettings, readContexts } from "../../config/client-settings";
import { refText } from "../reference";
import { cell } from "../text";

/** A word and its description, for the shell. */
type Candidate = [name: string, description: string];

const TIMEOUT_MS = 1500;

/** Called by completion scripts. Writes `name<TAB>description` lines for the last, partial word. */
export function register(program: Command): void {
  program
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const candidates = await complete(program, words).catch(() => []);
      const partial = words.at(-1) ?? "";
      const fitting = candidates.filter(([name]) => name.startsWith(partial));
      process.stdout.write(fitting.map(([name, about]) => `${cell(name)}\t${cell(about, 80)}\n`).join(""));
    });
}

async function complete(program: Command, words: readonly string[]): Promise<Candidate[]> {
  const partial = words.at(-1) ?? "";
  let command = program;
  let operands = 0;
  let pending: Option | undefined;
  const given: { url?: string; context?: string } = {};
  for (const word of words.slice(0, -1)) {
    if (pending) {
      if (pending.long === "--url") given.url = word;
      if (pending.long === "--context") given.context = word;
      pending = undefined;
    } else if (word.startsWith("-")) {
      const option = command.options.find((one) => one.long === word || one.short === word);
      if (option?.required) pending = option;
    } else {
      const inner =
        operands === 0
          ? command.commands.find((one) => one.name() === word || one.aliases().includes(word))
          : undefined;
      if (inner) command = inner;
      else operands++;
    }
  }
  if (pending) return valuesOf(pending.long ?? "", given);
  if (partial.startsWith("-")) {
    return command.options
      .filter((option) => option.long && !option.hidden)
      .map((option) => [option.long!, option.description]);
  }
  if (operands === 0 && command.commands.length > 0) {
    const shown = command.commands.filter((one) => !one.name().startsWith("__"));
    const inner = shown.map((one): Candidate => [one.name(), one.description()]);
    return command.registeredArguments.length === 0
      ? inner
      : [...(await valuesOf("", given, command.name())), ...inner];
  }
  const argument = command.registeredArguments[operands] ?? command.registeredArguments.find((one) => one.variadic);
  if (argument?.argChoices) return argument.argChoices.map((choice) => [choice, ""]);
  if (command.parent?.name() === "context" && argument) return valuesOf("--context", given);
  if (command.parent?.name() === "endpoints" && argument?.name() === "name") return valuesOf("--endpoint", given);
  return argument ? valuesOf(argument.name(), given, command.name()) : [];
}

async function valuesOf(what: string, given: { url?: string; context?: string }, command = ""): Promise<Candidate[]> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const client = () => {
    const { url, apiKey } = clientSettings(given);
    return new TaskerClient({ url, retries: 0, ...(apiKey === null ? {} : { apiKey }) });
  };
  const name = command === "types" || command === "endpoints" ? command : what;
  switch (name) {
    case "type":
    case "types":
    case "--type":
    case "--types":
      return (await client().types({ signal })).map((type) => [type.name, type.deliver]);
    case "endpoints":
    case "--endpoint":
      return (await client().endpoints({ signal })).map((one) => [one.name, one.alive ? "alive" : "not alive"]);
    case "task":
    case "tasks": {
      const page = await client().listPage({ limit: 50 }, { signal });
      return page.items.map((task) => [refText(task), `${task.status} ${task.identifier}`]);
    }
    case "--context":
      return Object.entries(readContexts().contexts).map(([context, { url }]) => [context, url]);
    case "--status":
      return TASK_STATUSES.map((status) => [status, ""]);
    default:
      return [];
  }
}
