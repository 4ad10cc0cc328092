import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import type * as Yaml from "yaml";
import { ConfigError } from "../errors";

/** The settings of the command line: which server, which key, and what the terminal can show. */

export interface ClientSettings {
  /** Without a slash at its end. */
  url: string;
  /** Origin of the URL, for messages: `--url`, `TASKER_URL`, `context prod`, `default`. */
  urlFrom: string;
  apiKey: string | null;
  apiKeyFrom: string | null;
}

export interface Context {
  url: string;
  /** The key itself, or `${NAME}` of the variable that holds it. */
  api_key?: string;
  /** A file that holds nothing but the key. */
  api_key_file?: string;
}

export interface Contexts {
  file: string;
  current: string | null;
  contexts: Record<string, Context>;
}

export interface TerminalSettings {
  /** NO_COLOR is set, or the terminal is dumb. */
  noColor: boolean;
  forceColor: boolean;
  dumb: boolean;
}

/** Loaded only for a file: most users have none, and their commands start twice as fast. */
const yaml = () => require("yaml") as typeof Yaml;

const DEFAULT_URL = "http://127.0.0.1:3000";
const FIELDS = ["url", "api_key", "api_key_file"];

/**
 * The flag overrides the environment, then the context, then the default. The key of a context is
 * sent only to that context's address. Throws ConfigError.
 */
export function clientSettings(given: { url?: string; context?: string }): ClientSettings {
  const stored = readContexts();
  const named = given.context ?? env("TASKER_CONTEXT");
  const name = named ?? stored.current;
  const context = name === null || name === undefined ? null : (own(stored.contexts, name) ?? null);
  if (named !== undefined && !context) {
    const known = Object.keys(stored.contexts).join(", ") || "none";
    throw new ConfigError([`${stored.file}: there is no context ${JSON.stringify(named)}; known: ${known}`]);
  }

  const explicit = given.context !== undefined ? context : null;
  const [url, urlFrom] = [
    [given.url, "--url"],
    [explicit?.url, `context ${name}`],
    [env("TASKER_URL"), "TASKER_URL"],
    [context?.url, `context ${name}`],
    [DEFAULT_URL, "default"],
  ].find(([candidate]) => candidate) as [string, string];
  const usesContext = context !== null && urlFrom === `context ${name}`;
  const contextKey = usesContext ? keyOf(context, name!, stored.file) : null;
  const envKey = env("TASKER_API_KEY") ?? null;
  const apiKey = explicit && contextKey ? contextKey : (envKey ?? contextKey);
  return {
    url: checkedUrl(url, urlFrom),
    urlFrom,
    apiKey,
    apiKeyFrom: apiKey === null ? null : apiKey === contextKey ? `context ${name}` : "TASKER_API_KEY",
  };
}

/** Reads `$XDG_CONFIG_HOME/tasker/config.yaml`. No file: no contexts. Throws ConfigError. */
export function readContexts(): Contexts {
  const file = path.join(env("XDG_CONFIG_HOME") ?? path.join(homedir(), ".config"), "tasker", "config.yaml");
  if (!existsSync(file)) return { file, current: null, contexts: {} };
  let value: unknown;
  try {
    value = yaml().parse(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read: ${(error as Error).message.split("\n")[0]}`]);
  }
  const faults: string[] = [];
  const { current = null, contexts = {}, ...rest } = value as Partial<Contexts> & Record<string, unknown>;
  for (const key of Object.keys(rest)) faults.push(`${file}: ${key}: is not a known key; allowed: current, contexts`);
  if (current !== null && typeof current !== "string") faults.push(`${file}: current: must be the name of a context`);
  if (contexts === null || typeof contexts !== "object")
    faults.push(`${file}: contexts: must hold names with a url each`);
  for (const [name, context] of Object.entries(contexts ?? {})) {
    if (typeof context?.url !== "string") faults.push(`${file}: contexts.${name}.url: is missing`);
    for (const key of Object.keys(context ?? {})) {
      if (!FIELDS.includes(key))
        faults.push(`${file}: contexts.${name}.${key}: is not known; allowed: ${FIELDS.join(", ")}`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return { file, current, contexts };
}

/** Replaces the file atomically, readable by its owner only. */
export function writeContexts({ file, current, contexts }: Contexts): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const half = `${file}.${process.pid}.tmp`;
  writeFileSync(half, yaml().stringify({ ...(current === null ? {} : { current }), contexts }), { mode: 0o600 });
  renameSync(half, file);
}

export function terminalSettings(): TerminalSettings {
  const dumb = env("TERM") === "dumb";
  const force = env("FORCE_COLOR");
  return { noColor: env("NO_COLOR") !== undefined || dumb, forceColor: force !== undefined && force !== "0", dumb };
}

function keyOf(context: Context, name: string, file: string): string | null {
  if (context.api_key_file !== undefined) {
    const keyFile = path.resolve(path.dirname(file), context.api_key_file.replace(/^~(?=\/)/, homedir()));
    try {
      return readFileSync(keyFile, "utf8").trim();
    } catch (error) {
      throw new ConfigError([`${file}: contexts.${name}.api_key_file: cannot be read: ${(error as Error).message}`]);
    }
  }
  const variable = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(context.api_key ?? "")?.[1];
  if (variable === undefined) return context.api_key ?? null;
  const value = env(variable);
  if (value === undefined) {
    throw new ConfigError([`${file}: contexts.${name}.api_key: the variable ${variable} is not set`]);
  }
  return value;
}

function checkedUrl(text: string, from: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigError([`${from}: ${JSON.stringify(text)} is not a URL; write it like ${DEFAULT_URL}`]);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ConfigError([`${from}: found ${url.protocol}//; the URL begins with http:// or https://`]);
  }
  if (url.username || url.password) {
    throw new ConfigError([`${from}: the URL holds a user or password; put the key into TASKER_API_KEY or a context`]);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function env(name: string): string | undefined {
  return process.env[name] || undefined;
}

function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
