import type { Command } from "commander";
import { type Context, type Contexts, readContexts, writeContexts } from "../config/client-settings";
import { EXIT } from "./exit-codes";
import { CliError, usage } from "./failure";
import { act, examples, type Session, withOutput } from "./session";

export function register(program: Command): void {
  const context = program
    .command("context")
    .description("Manage names for several servers, kept in $XDG_CONFIG_HOME/tasker/config.yaml")
    .addHelpText(
      "after",
      examples(
        "tasker context set prod --server https://tasks.example --key-env PROD_TASKER_KEY",
        "tasker context use prod",
        "tasker list --context staging",
      ),
    );
  const set = context
    .command("set")
    .description("Store a server under a name, with the place of its key")
    .argument("<name>", "its name")
    .requiredOption("--server <url>", "the API's address")
    .option("--key-env <variable>", "the environment variable that holds its API key")
    .option("--key-file <file>", "a file that holds only its API key");
  act(withOutput(set), setContext);
  act(withOutput(context.command("use").description("Make it the default").argument("<name>", "its name")), useContext);
  act(withOutput(context.command("list").description("List the stored servers")), listContexts);
  act(
    withOutput(context.command("remove").description("Remove a stored server").argument("<name>", "its name")),
    removeContext,
  );
}

interface SetOptions {
  server: string;
  keyEnv?: string;
  keyFile?: string;
}

function setContext({ out }: Session, name: string, options: SetOptions): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name))
    throw usage("A context's name is made of letters, digits, `.`, `_` and `-`");
  if (options.keyEnv !== undefined && options.keyFile !== undefined)
    throw usage("Give --key-env or --key-file, not both");
  if (options.keyEnv !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(options.keyEnv)) {
    throw usage("--key-env takes the name of a variable, not the key itself");
  }
  if (!/^https?:\/\/[^/@]+/.test(options.server))
    throw usage("--server takes a URL that begins with http:// or https://");
  const stored = readContexts();
  const context: Context = { url: options.server };
  if (options.keyEnv !== undefined) context.api_key = `\${${options.keyEnv}}`;
  if (options.keyFile !== undefined) context.api_key_file = options.keyFile;
  writeContexts({ ...stored, current: stored.current ?? name, contexts: { ...stored.contexts, [name]: context } });
  out.say(`Remembered ${name} in ${stored.file}.${stored.current === null ? ` It is used from now on.` : ""}`);
}

function useContext({ out }: Session, name: string): void {
  const stored = readContexts();
  checkKnown(name, stored);
  writeContexts({ ...stored, current: name });
  out.say(`Commands now talk to ${name} (${stored.contexts[name]!.url}).`);
}

function listContexts({ out }: Session): void {
  const { current, contexts } = readContexts();
  const all = Object.entries(contexts);
  out.result({
    json: { items: all.map(([name, context]) => ({ name, url: context.url, current: name === current })) },
    ids: all.map(([name]) => name),
    columns: ["", "CONTEXT", "URL", "KEY"],
    rows: all.map(([name, context]) => [name === current ? "*" : "", name, context.url, keySource(context)]),
    none: "No server is remembered; `tasker context set NAME --server URL` does it.",
  });
}

function removeContext({ out }: Session, name: string): void {
  const stored = readContexts();
  checkKnown(name, stored);
  const { [name]: _, ...contexts } = stored.contexts;
  writeContexts({ ...stored, current: stored.current === name ? null : stored.current, contexts });
  out.say(`Forgot ${name}.`);
}

/** Where its key is kept, never the key itself. */
function keySource(context: Context): string {
  if (context.api_key_file !== undefined) return `file ${context.api_key_file}`;
  if (context.api_key === undefined) return "none";
  return /^\$\{\w+\}$/.test(context.api_key) ? `variable ${context.api_key.slice(2, -1)}` : "written in the file";
}

function checkKnown(name: string, { contexts }: Contexts): void {
  if (Object.hasOwn(contexts, name)) return;
  const known = Object.keys(contexts).join(", ") || "none";
  throw new CliError(EXIT.notFound, `There is no context ${JSON.stringify(name)}`, `known: ${known}`);
}
