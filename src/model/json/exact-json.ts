import { endOfString, skipSpace } from "./raw-json";

/**
 * A JSON number that a double would write differently. JSON.parse makes a double of every number:
 * 9007199254740993 becomes …992, 1.10 becomes 1.1, 1e400 becomes Infinity. parseExact keeps these
 * as ExactNumber; every other value is as JSON.parse returns it.
 */
export class ExactNumber {
  /** @param source the number as it was written */
  constructor(readonly source: string) {}

  /** The nearest double. */
  valueOf(): number {
    return Number(this.source);
  }

  toString(): string {
    return this.source;
  }

  /** For JSON.stringify, which can only write doubles. */
  toJSON(): number {
    return Number(this.source);
  }
}

export type ExactJson = null | boolean | number | string | ExactNumber | ExactJson[] | ExactJsonObject;
export type ExactJsonObject = { [key: string]: ExactJson };

/**
 * Matches where there may be a number that a double writes differently: 16 digits or more, an
 * exponent, a final zero after the point, less than 0.000001, or -0. It also matches some strings,
 * which only costs time.
 */
const UNUSUAL = /(?:^|[:,[\s])(?:-?(?:[\d.]{16}|\d[\d.]*[eE]|\d+\.\d*0(?![\d.eE])|0\.000000)|-0(?![\d.]))/;

/** False: the JSON text holds no number that JSON.parse would change. */
export function mayHoldExactNumbers(json: string): boolean {
  return UNUSUAL.test(json);
}

/** JSON text → value. Throws SyntaxError. Usual texts cost no more than JSON.parse. */
export function parseExact(json: string): ExactJson {
  const value = JSON.parse(json) as ExactJson;
  return mayHoldExactNumbers(json) ? read(json) : value;
}

/** Value → JSON text, as JSON.stringify, with every ExactNumber as it was written. */
export function writeExact(value: unknown, space = 0): string {
  return write(value, "\n", " ".repeat(space)) ?? "null";
}

/** Both functions in the shape of the global JSON. */
export const exactJson = {
  parse: parseExact,
  stringify: (value: unknown): string => writeExact(value),
} as const;

/** Reads valid JSON without checking it again. Iterative, since nesting is not limited here. */
function read(json: string): ExactJson {
  const open: Array<ExactJson[] | ExactJsonObject> = [];
  let key: string | null = null;
  let root: ExactJson = null;
  const put = (value: ExactJson) => {
    const into = open.at(-1);
    if (into === undefined) root = value;
    else if (Array.isArray(into)) into.push(value);
    else {
      setMember(into, key!, value);
      key = null;
    }
  };
  for (let at = skipSpace(json, 0); at < json.length; at = skipSpace(json, at)) {
    const char = json[at]!;
    if (char === '"') {
      const end = endOfString(json, at);
      const text = JSON.parse(json.slice(at, end)) as string;
      const into = open.at(-1);
      if (key === null && into !== undefined && !Array.isArray(into)) key = text;
      else put(text);
      at = end;
    } else if (char === "{" || char === "[") {
      const container = char === "{" ? {} : [];
      put(container);
      open.push(container);
      at++;
    } else if (char === "}" || char === "]") {
      open.pop();
      at++;
    } else if (char === "," || char === ":") at++;
    else {
      LITERAL.lastIndex = at;
      const literal = LITERAL.exec(json)![0];
      put(literalOf(literal));
      at += literal.length;
    }
  }
  return root;
}

const LITERAL = /[^\s,:[\]{}"]+/y;

function literalOf(literal: string): ExactJson {
  if (literal === "true") return true;
  if (literal === "false") return false;
  if (literal === "null") return null;
  const double = Number(literal);
  return String(double) === literal ? double : new ExactNumber(literal);
}

/** Sets a member as JSON.parse does: the key `__proto__` is data. */
export function setMember(object: ExactJsonObject, key: string, value: ExactJson): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function write(value: unknown, line: string, step: string): string | undefined {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (value instanceof ExactNumber) return value.source;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return write(toJSON.call(value), line, step);
  const inner = `${line}${step}`;
  const [before, between, after] = step === "" ? ["", ",", ""] : [inner, `,${inner}`, line];
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${before}${value.map((item) => write(item, inner, step) ?? "null").join(between)}${after}]`;
  }
  const members: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    const text = write(item, inner, step);
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${step === "" ? "" : " "}${text}`);
  }
  return members.length === 0 ? "{}" : `{${before}${members.join(between)}${after}}`;
}
