import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError } from "../../errors";
import type { JsonObject } from "../../model/json/json";
import { type Config, RUN_MODES, type RunMode } from "../config";
import { BROKER_URI, configSchema, DATABASE_URI, ROOT } from "../keys";
import { keysAt } from "../table";
import { checkComplete, checkWritten } from "./checks";
import { completeConfig } from "./complete";
import { at, environmentLayers, isMapping, type Layer, layerOf, mergeLayers, type Path } from "./layers";
import { issueProblems, valueProblem } from "./problems";
import { readText, readYaml } from "./yaml-file";

export interface LoadOptions {
  /** Base of relative paths in config and environment. @default process.cwd() */
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Overrides TASKER_MODE. */
  mode?: string;
  /** Overrides TASKER_CONFIG. */
  file?: string;
  /** Receives each warning, one sentence. @default standard error */
  onWarning?: (sentence: string) => void;
}

export interface LoadedConfig {
  config: Config;
  /** Where the value at a path comes from: `{ from: "file", where: "config/x.yaml:3:9" }`. */
  origin(path: Path): Origin;
  warnings: string[];
}

export interface Origin {
  from: Layer["from"] | "default";
  where: string | null;
}

/**
 * The config of this process. TASKER_* variables override the file that TASKER_CONFIG names, or
 * else `config/<mode>.local.yaml` over `config/<mode>.config.yaml`; these override the defaults.
 * Throws ConfigError with one line for each problem: where, which key, the value found, what is
 * allowed.
 */
export function loadConfig(options: LoadOptions = {}): Config {
  const { config, warnings } = loadConfigWithOrigins(options);
  const warn = options.onWarning ?? ((sentence: string) => process.stderr.write(`warning: ${sentence}\n`));
  for (const warning of warnings) warn(warning);
  return config;
}

/** As loadConfig, with the origin of each value. Warnings are returned, not printed. */
export function loadConfigWithOrigins(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const mode = runMode(options.mode ?? env.TASKER_MODE);
  const files = configFiles(mode, options.file ?? env.TASKER_CONFIG, cwd);
  const layers: Layer[] = [];
  const problems: string[] = [];
  for (const { shown, absolute, whatNext } of files) {
    try {
      layers.push(readYaml(shown, readText(shown, absolute, whatNext), env));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  layers.push(...environmentLayers(env));
  const config = build(layers, mode, files[0]!.absolute, cwd);
  const origin = (path: Path): Origin => {
    const layer = layerOf(layers, path);
    return layer ? { from: layer.from, where: layer.where(path, "value") } : { from: "default", where: null };
  };
  return { config, origin, warnings: fileWarnings(mode, files) };
}

/**
 * A config from an object with the keys of the file, for tasker as a library. Reads no variables.
 */
export function configFrom(written: object, options: { mode?: RunMode; cwd?: string } = {}): Config {
  const layer: Layer = { from: "object", value: written as JsonObject, where: () => "the given config" };
  return build([layer], options.mode ?? "embedded", null, options.cwd ?? process.cwd());
}

function build(layers: readonly Layer[], mode: RunMode, file: string | null, cwd: string): Config {
  const written = withoutEmpty(withEmptyTypes(mergeLayers(layers)));
  const problems = checkWritten(written, layers);
  const parsed = configSchema.safeParse(written);
  for (const issue of parsed.error?.issues ?? [])
    problems.push(...issueProblems(issue, layers, written, (path) => keysAt(ROOT, path)));
  problems.push(...missing(written, layers, mode));
  if (parsed.success && problems.length === 0) {
    const config = completeConfig(parsed.data, mode, file, cwd);
    problems.push(...checkComplete(config, written, layers));
    if (problems.length === 0) return config;
  }
  throw new ConfigError([...new Set(problems)]);
}

/** Every mode but embedded requires the addresses of its database and broker. */
function missing(written: JsonObject, layers: readonly Layer[], mode: RunMode): string[] {
  if (mode === "embedded") return [];
  return [
    { path: ["database", "uri"], allowed: DATABASE_URI, variable: "TASKER_DATABASE_URI" },
    { path: ["broker", "uri"], allowed: BROKER_URI, variable: "TASKER_BROKER_URI" },
  ]
    .filter(({ path }) => at(written, path) === undefined)
    .map(({ path, allowed, variable }) => valueProblem(layers, path, undefined, `${allowed} (or set ${variable})`));
}

/** A key without a value counts as left out. A task type without one has every default. */
function withoutEmpty(written: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(written)) {
    if (value === null) continue;
    result[key] = isMapping(value) && key !== "payload_schema" ? withoutEmpty(value) : value;
  }
  return result;
}

function withEmptyTypes(written: JsonObject): JsonObject {
  if (!isMapping(written.task_types)) return written;
  const types = Object.entries(written.task_types).map(([name, type]) => [name, type ?? {}]);
  return { ...written, task_types: Object.fromEntries(types) };
}

function runMode(name: string | undefined): RunMode {
  if (name === undefined || name === "") return "embedded";
  const mode = RUN_MODES.find((one) => one === name);
  if (mode) return mode;
  throw new ConfigError([`TASKER_MODE: found ${JSON.stringify(name)}; allowed: ${RUN_MODES.join(", ")}`]);
}

interface ConfigFile {
  shown: string;
  absolute: string;
  whatNext: string;
}

function configFiles(mode: RunMode, given: string | undefined, cwd: string): ConfigFile[] {
  if (given) {
    const whatNext = "TASKER_CONFIG or --config names it; correct the name or make the file.";
    return [{ shown: given, absolute: resolve(cwd, given), whatNext }];
  }
  const whatNext = `It was looked for in ${cwd}, because the run mode is ${mode}. Make it, go to the folder that has it, or name another file in TASKER_CONFIG.`;
  const [main, local] = [`${mode}.config.yaml`, `${mode}.local.yaml`].map((name) => {
    const shown = join("config", name);
    return { shown, absolute: join(cwd, shown), whatNext };
  }) as [ConfigFile, ConfigFile];
  return existsSync(local.absolute) ? [main, local] : [main];
}

/** A password that is written in the file itself, not in a variable. */
const WRITTEN_SECRET = /:\/\/[^\s/:@]*:(?!\$\{)[^\s/]+@|\b(password|key):\s*["']?(?!["']?\$\{)[^\s"'#]/;

/** Production warns about a file with passwords that every user of the machine can read. */
function fileWarnings(mode: RunMode, files: readonly ConfigFile[]): string[] {
  if (mode !== "production") return [];
  return files
    .map(({ absolute }) => absolute)
    .filter((file) => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0)
    .filter((file) => WRITTEN_SECRET.test(readFileSync(file, "utf8")))
    .map((file) => `${file} holds passwords and can be read by every user of this machine: chmod o-r ${file}`);
}
