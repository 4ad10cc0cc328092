import { types } from "node:util";

/** Taken before user code runs, since an inline handler may replace them. */
const { parse, stringify } = JSON;

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Deeper values are refused: JSON.parse accepts depths that JSON.stringify cannot write. */
export const MAX_DEPTH = 64;

/** Whether `text` is exactly one JSON value, so that it may be put into another JSON text. */
export function isJson(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A value that JSON cannot represent. `message` continues a sentence: `holds NaN at /list/0`. */
export class NotJson extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NotJson";
  }
}

/**
 * The JSON text of `value`. Throws NotJson where JSON.stringify would write `null`, `{}` or nothing
 * (NaN, a Map, a function). A property that is `undefined` is left out, as usual.
 */
export function jsonOf(value: unknown): string {
  let json: string | undefined;
  try {
    const found = faultOf(value, 0);
    if (found !== null && found !== CONVERTS) throw notJson(found);
    json = found === null ? stringify(value) : converted(value);
  } catch (error) {
    if (error instanceof NotJson) throw error;
    throw new NotJson(`cannot be written as JSON: ${(error as Error)?.message ?? error}`);
  }
  if (json === undefined) throw notJson({ what: "undefined", path: "" });
  return json;
}

interface Fault {
  what: string;
  /** RFC 6901; "" is the value itself. */
  path: string;
}

/** Some part of the value has a `toJSON`. */
const CONVERTS = Symbol("converts");
const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels, or in a circle`;

function notJson({ what, path }: Fault): NotJson {
  if (what === TOO_DEEP) return new NotJson(`is ${TOO_DEEP}`);
  return new NotJson(
    path === "" ? `is ${what}, which JSON cannot carry` : `holds ${what} at ${path}, which JSON cannot carry`,
  );
}

function faultOf(value: unknown, depth: number): Fault | typeof CONVERTS | null {
  if (typeof value === "string" || value === null || typeof value === "boolean") return null;
  if (hasToJson(value)) return CONVERTS;
  if (typeof value !== "object") return Number.isFinite(value) ? null : { what: nameOf(value), path: "" };
  if (depth >= MAX_DEPTH) return { what: TOO_DEEP, path: "" };
  let converts = false;
  const isList = Array.isArray(value);
  if (!isList && isUnknown(value)) return { what: nameOf(value), path: "" };
  const keys = isList ? value : Object.keys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = isList ? i : (keys[i] as string);
    const child = (value as Record<string | number, unknown>)[key];
    if (child === undefined && !isList) continue;
    const found = faultOf(child, depth + 1);
    if (found === CONVERTS) converts = true;
    else if (found !== null) return { what: found.what, path: `/${escaped(key)}${found.path}` };
  }
  return converts ? CONVERTS : null;
}

/** The text of a value with a `toJSON` in it; checks what is actually written. */
function converted(value: unknown): string | undefined {
  const json = stringify(value, function (this: unknown, key: string, now: unknown) {
    if (typeof now === "string" || now === null || typeof now === "boolean") return now;
    if (now === undefined && !Array.isArray(this)) return now;
    const wrong = typeof now === "object" ? !Array.isArray(now) && isUnknown(now) : !Number.isFinite(now);
    if (wrong) throw notJson({ what: nameOf(now), path: key === "" ? "" : `…/${escaped(key)}` });
    return now;
  });
  if (json !== undefined && deeperThan(parse(json), MAX_DEPTH)) throw notJson({ what: TOO_DEEP, path: "" });
  return json;
}

function hasToJson(value: unknown): boolean {
  const may = typeof value === "object" || typeof value === "bigint";
  return may && typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** Whether JSON.stringify would lose the content of the object. */
function isUnknown(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return false;
  if (types.isNumberObject(value)) return !Number.isFinite(Number(value));
  if (types.isArrayBufferView(value) || types.isNativeError(value)) return true;
  if (Object.keys(value).length > 0) return false;
  return (
    (typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === "function" ||
      types.isPromise(value) ||
      types.isRegExp(value) ||
      types.isWeakMap(value) ||
      types.isWeakSet(value) ||
      types.isAnyArrayBuffer(value) ||
      types.isSymbolObject(value) ||
      types.isBigIntObject(value)) &&
    !types.isStringObject(value)
  );
}

function nameOf(value: unknown): string {
  if (typeof value === "number" || value === undefined) return String(value);
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  const name = Object.prototype.toString.call(value).slice("[object ".length, -1);
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

function escaped(key: string | number): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Whether `value` nests deeper than `limit` levels. Iterative, since the input is untrusted. */
export function deeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const item of level) {
      if (item === null || typeof item !== "object") continue;
      if (depth >= limit) return true;
      for (const child of Array.isArray(item) ? item : Object.values(item)) {
        if (child !== null && typeof child === "object") next.push(child);
      }
    }
    level = next;
  }
  return false;
}
