import type { JsonObject } from "../../model/json/json";

export type Path = ReadonlyArray<string | number>;

/**
 * One source of values: a file, the environment or an object. Values are as written, not converted.
 */
export interface Layer {
  from: "file" | "env" | "object";
  value: JsonObject;
  /** Where the value or its key stands, for messages: `config/x.yaml:12:5` or `TASKER_API_PORT`. */
  where(path: Path, part: "key" | "value"): string;
}

/** Variables that override the file, and the key that each of them sets. */
const OVERRIDES: Record<string, Path> = {
  TASKER_DATABASE_URI: ["database", "uri"],
  TASKER_BROKER_URI: ["broker", "uri"],
  TASKER_API_HOST: ["api", "host"],
  TASKER_API_PORT: ["api", "port"],
  TASKER_ENDPOINT: ["manager", "endpoint"],
  TASKER_HANDLERS: ["handlers"],
  TASKER_LOG_LEVEL: ["log", "level"],
};

function separated(text: string): string | string[] {
  const names = text.split(",").map((name) => name.trim());
  return names.length === 1 ? names[0]! : names;
}

/** One layer for each variable that is set and not empty. */
export function environmentLayers(env: NodeJS.ProcessEnv): Layer[] {
  return Object.entries(OVERRIDES).flatMap(([variable, path]) => {
    const text = env[variable];
    if (text === undefined || text === "") return [];
    const value = nested(path, variable === "TASKER_ENDPOINT" ? separated(text) : text);
    return [{ from: "env" as const, value, where: () => variable }];
  });
}

/**
 * Later layers override earlier ones. Mappings are merged, everything else is replaced as a whole.
 */
export function mergeLayers(layers: readonly Layer[]): JsonObject {
  return layers.reduce<JsonObject>((all, layer) => merge(all, layer.value), {});
}

/** The layer that sets the value at a path; undefined: none does, and the default applies. */
export function layerOf(layers: readonly Layer[], path: Path): Layer | undefined {
  return layers.findLast((layer) => at(layer.value, path) !== undefined);
}

/** The value at a path; undefined where there is none. */
export function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const step of path) {
    if (here === null || typeof here !== "object" || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}

export function isMapping(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function nested(path: Path, value: unknown): JsonObject {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as JsonObject;
}

function merge(below: JsonObject, above: JsonObject): JsonObject {
  const result: JsonObject = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = result[key];
    result[key] = isMapping(old) && isMapping(value) ? merge(old, value) : value;
  }
  return result;
}
