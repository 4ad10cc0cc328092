import type { JsonObject } from "../../model/json/json";

export type Path = ReadonlyArray<string | number>;

/** One source of values: a file, the environment or the command line. Values are as written, nothing is converted. */
export interface Layer {
  from: "file" | "env" | "flag";
  value: JsonObject;
  /** Where this value, or its key, stands: `config/embedded.config.yaml:12:5` or `TASKER_API_PORT`. For messages. */
  where(path: Path, part: "key" | "value"): string;
}

/** Variables that stand over the file, and the key each of them sets. */
export const OVERRIDES: Record<string, { path: Path; read: (text: string) => unknown }> = {
  TASKER_DATABASE_URI: { path: ["database", "uri"], read: (text) => text },
  TASKER_BROKER_URI: { path: ["broker", "uri"], read: (text) => text },
  TASKER_API_HOST: { path: ["api", "host"], read: (text) => text },
  TASKER_API_PORT: { path: ["api", "port"], read: (text) => text },
  TASKER_ENDPOINT: { path: ["manager", "endpoint"], read: (text) => separated(text) },
  TASKER_HANDLERS: { path: ["handlers"], read: (text) => text },
  TASKER_LOG_LEVEL: { path: ["log", "level"], read: (text) => text },
};

function separated(text: string): string | string[] {
  const names = text.split(",").map((name) => name.trim());
  return names.length === 1 ? names[0]! : names;
}

/** The layers that the environment makes: one for each variable that is set and not empty. */
export function environmentLayers(env: NodeJS.ProcessEnv): Layer[] {
  return Object.entries(OVERRIDES).flatMap(([variable, { path, read }]) => {
    const text = env[variable];
    if (text === undefined || text === "") return [];
    return [{ from: "env" as const, value: nested(path, read(text)), where: () => variable }];
  });
}

/** Values of the command line, by dotted key: `{ "manager.endpoint": "lb-1" }`. */
export function flagLayer(flags: Readonly<Record<string, unknown>>): Layer {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  const value = given.reduce<JsonObject>((all, [key, one]) => merge(all, nested(key.split("."), one)), {});
  return { from: "flag", value, where: (path) => `the command line (${path.join(".")})` };
}

/** Later layers stand over earlier ones; mappings are merged, everything else is replaced whole. */
export function mergeLayers(layers: readonly Layer[]): JsonObject {
  return layers.reduce<JsonObject>((all, layer) => merge(all, layer.value), {});
}

/** The layer that has the last word on a path; undefined: nobody says anything, a default stands. */
export function layerOf(layers: readonly Layer[], path: Path): Layer | undefined {
  return layers.findLast((layer) => at(layer.value, path) !== undefined);
}

/** The value at a path, undefined where there is none. */
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
