import { existsSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ConfigError } from "../../errors";
import type { JsonObject } from "../../model/json/json";
import type { Config, RunMode } from "../config";
import { RUN_MODES } from "../defaults";
import { knownKeys } from "../known-keys";
import { BROKER_URI, configSchema, DATABASE_URI } from "../schema";
import { checkComplete, checkWritten } from "./checks";
import { completeConfig } from "./complete";
import { environmentLayers, flagLayer, isMapping, type Layer, layerOf, mergeLayers, type Path } from "./layers";
import { issueProblems, valueProblem } from "./problems";
import { readText, readYaml } from "./yaml-file";

export interface LoadOptions {
  /** Relative paths in config and environment start here; process.cwd() if left out. */
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Over TASKER_MODE. */
  mode?: string;
  /** Over TASKER_CONFIG. */
  file?: string;
  /** Values of the command line by dotted key (`api.port`); undefined ones are not given. They stand over everything. */
  flags?: Readonly<Record<string, unknown>>;
  /** Takes each warning, a sentence; standard error if left out. */
  onWarning?: (sentence: string) => void;
}

export interface LoadedConfig {
  config: Config;
  /** Where the value at a written path comes from: `{ from: "file", where: "config/embedded.config.yaml:3:9" }`. */
  origin(path: Path): Origin;
  /** What was given, merged, as written (`${…}` replaced). */
  written: JsonObject;
  warnings: string[];
}

export interface Origin {
  from: "flag" | "env" | "file" | "default";
  where: string | null;
}

/**
 * The config of this process. Precedence: command line > TASKER_* variables > TASKER_CONFIG's file, or else
 * `config/<mode>.local.yaml` > `config/<mode>.config.yaml` > defaults. Throws ConfigError with every problem found, one line
 * each: where, which key, the value found, what is allowed.
 */
export function loadConfig(options: LoadOptions = {}): Config {
  const { config, warnings } = loadConfigWithOrigins(options);
  for (const warning of warnings) (options.onWarning ?? toStandardError)(warning);
  return config;
}

/** As loadConfig, with what `tasker config print --origin` shows. Warnings are returned, not printed. */
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
  layers.push(...environmentLayers(env), flagLayer(options.flags ?? {}));
  const { config, written } = build(layers, mode, files[0]!.absolute, cwd);
  return {
    config,
    written,
    warnings: fileWarnings(
      config,
      files.map((file) => file.absolute),
    ),
    origin: (path) => {
      const layer = layerOf(layers, path);
      return layer ? { from: layer.from, where: layer.where(path, "value") } : { from: "default", where: null };
    },
  };
}

/** A config given as an object (with the file's own keys) instead of a file, for tasker as a library. No variables are read. */
export function configFrom(written: object, options: { mode?: RunMode; cwd?: string } = {}): Config {
  const layer: Layer = { from: "flag", value: written as JsonObject, where: () => "the given config" };
  return build([layer], options.mode ?? "embedded", null, options.cwd ?? process.cwd()).config;
}

function build(
  layers: readonly Layer[],
  mode: RunMode,
  file: string | null,
  cwd: string,
): { config: Config; written: JsonObject } {
  const written = withoutEmpty(withEmptyTypes(mergeLayers(layers)));
  const problems = checkWritten(written, layers);
  const parsed = configSchema.safeParse(written);
  for (const issue of parsed.error?.issues ?? []) problems.push(...issueProblems(issue, layers, written, knownKeys));
  problems.push(...missing(written, layers, mode));
  if (parsed.success && problems.length === 0) {
    const config = completeConfig(parsed.data, mode, file, cwd);
    problems.push(...checkComplete(config, written, layers));
    if (problems.length === 0) return { config, written };
  }
  throw new ConfigError([...new Set(problems)]);
}

/** Only the embedded mode can do without being told where its database and broker are. */
function missing(written: JsonObject, layers: readonly Layer[], mode: RunMode): string[] {
  if (mode === "embedded") return [];
  return [
    { path: ["database", "uri"], allowed: DATABASE_URI, variable: "TASKER_DATABASE_URI" },
    { path: ["broker", "uri"], allowed: BROKER_URI, variable: "TASKER_BROKER_URI" },
  ]
    .filter(({ path }) => layerOf([{ from: "file", value: written, where: () => "" }], path) === undefined)
    .map(({ path, allowed, variable }) => valueProblem(layers, path, undefined, `${allowed} (or set ${variable})`));
}

/** A key without a value counts as left out; a task type without one is a type that leaves everything out. */
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
    return [
      {
        shown: given,
        absolute: resolve(cwd, given),
        whatNext: "TASKER_CONFIG or --config names it; correct the name or make the file.",
      },
    ];
  }
  const main = join(cwd, "config", `${mode}.config.yaml`);
  const local = join(cwd, "config", `${mode}.local.yaml`);
  const shown = (file: string) => relative(cwd, file);
  const whatNext = `It was looked for in ${cwd}, because the run mode is ${mode}. Make it, go to the folder that has it, or name another file in TASKER_CONFIG.`;
  return [
    { shown: shown(main), absolute: main, whatNext },
    ...(existsSync(local) ? [{ shown: shown(local), absolute: local, whatNext }] : []),
  ];
}

/** Passwords that stand in the file itself, not in a variable. */
const WRITTEN_SECRET = /:\/\/[^\s/:@]*:(?!\$\{)[^\s/]+@|\b(password|key):\s*["']?(?!["']?\$\{)[^\s"'#]/;

/** In production a file with passwords that everybody on the machine can read is worth a word. */
function fileWarnings(config: Config, files: readonly string[]): string[] {
  if (config.runMode !== "production") return [];
  const open = files.filter((file) => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0);
  return open
    .filter((file) => WRITTEN_SECRET.test(readFileSync(file, "utf8")))
    .map(
      (file) =>
        `${file} holds passwords and can be read by every user of this machine; take that right away: chmod o-r ${file}`,
    );
}

function toStandardError(sentence: string): void {
  process.stderr.write(`warning: ${sentence}\n`);
}
