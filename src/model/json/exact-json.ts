import { endOfString, skipSpace } from "./raw-json";

/**
 * JSON values whose numbers stay as they were written. JSON.parse makes a double of every number: 9007199254740993 becomes
 * …992, 1.10 becomes 1.1, 1e400 becomes Infinity. Here a number that a double would write in another way is an ExactNumber;
 * all others, and everything else, are what JSON.parse makes of them.
 */
export class ExactNumber {
  constructor(
    /** The number as it stands in the JSON text. */
    readonly source: string,
  ) {}

  /** The nearest double. */
  valueOf(): number {
    return Number(this.source);
  }

  toString(): string {
    return this.source;
  }

  /** For a plain JSON.stringify, which can write doubles only. */
  toJSON(): number {
    return Number(this.source);
  }
}

export type ExactJson = null | boolean | number | string | ExactNumber | ExactJson[] | ExactJsonObject;
export type ExactJsonObject = { [key: string]: ExactJson };

/**
 * Matches wherever a number may stand that a double writes in another way: 16 digits or more, an exponent, a last zero after
 * the point, less than 0.000001, or -0. It also matches some texts inside strings, which costs time and changes nothing.
 */
const UNUSUAL = /(?:^|[:,[\s])(?:-?(?:[\d.]{16}|\d[\d.]*[eE]|\d+\.\d*0(?![\d.eE])|0\.000000)|-0(?![\d.]))/;

/** Whether a JSON text may hold a number that JSON.parse would change. False: it holds none. */
export function mayHoldExactNumbers(json: string): boolean {
  return UNUSUAL.test(json);
}

/** JSON text → value. Throws SyntaxError as JSON.parse does. Texts with usual numbers cost what JSON.parse costs. */
export function parseExact(json: string): ExactJson {
  const value = JSON.parse(json) as ExactJson;
  return mayHoldExactNumbers(json) ? read(json) : value;
}

/** Value → JSON text: what JSON.stringify writes, with every ExactNumber as it was written. */
export function writeExact(value: unknown, space = 0): string {
  return write(value, "\n", " ".repeat(space)) ?? "null";
}

/** The two in the shape of the global JSON. */
export const exactJson = {
  parse: parseExact,
  stringify: (value: unknown): string => writeExact(value),
} as const;

/** `json` is known to be JSON: nothing is checked again. Iterative, since nesting has no limit here. */
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

/** Sets a member as JSON.parse does: a key named `__proto__` is data like any other. */
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
