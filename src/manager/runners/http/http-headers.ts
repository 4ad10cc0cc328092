import { isUtf8 } from "node:buffer";

/**
 * Headers as they are recorded: names in lower case; several of one name are a list, in the order
 * they came in.
 */
export type AnswerHeaders = Record<string, string | string[]>;

/**
 * Names and values by turns, each character one byte of what was received (node:http's
 * `rawHeaders`).
 */
export type RawHeaders = readonly string[];

export function headersOf(raw: RawHeaders): AnswerHeaders {
  const headers = new Map<string, string | string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = textOf(raw[at + 1]!);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : [...[before].flat(), value]);
  }
  return Object.fromEntries(headers);
}

/**
 * UTF-8 where the bytes are that, as most servers mean it; otherwise Latin-1, as the protocol once
 * had it.
 */
function textOf(raw: string): string {
  const bytes = Buffer.from(raw, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : raw;
}

function valuesOf(raw: RawHeaders, name: string): string[] {
  return raw.filter((_, at) => at % 2 === 1 && raw[at - 1]!.toLowerCase() === name);
}

/**
 * The items of a header that is a list of words, over all its lines: `a, b` and `c` → a, b, c. In
 * lower case.
 */
export function wordsOf(raw: RawHeaders, name: string): string[] {
  return valuesOf(raw, name)
    .flatMap((value) => value.split(","))
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "");
}

/**
 * Where the answer leads, each place once. Bytes beyond ASCII are escaped one by one: they arrive
 * as they were sent.
 */
export function locationsOf(raw: RawHeaders): string[] {
  const escaped = valuesOf(raw, "location").map((value) =>
    value.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`),
  );
  return [...new Set(escaped)];
}

/**
 * How long the target asks to be left alone, from now: the longest of its `Retry-After`; null if it
 * says nothing readable.
 */
export function retryAfterMs(raw: RawHeaders, now: number = Date.now()): number | null {
  // A date is the target's clock, and so is `Date`: their difference needs no clock of ours.
  const clock = valuesOf(raw, "date").map(dateOf).find(Number.isFinite) ?? now;
  const waits = valuesOf(raw, "retry-after")
    .map((value) => (/^\d+$/.test(value) ? Number(value) * 1000 : dateOf(value) - clock))
    .filter((ms) => !Number.isNaN(ms));
  return waits.length === 0 ? null : Math.max(0, ...waits);
}

/**
 * HTTP has three forms of a date, all in GMT; the oldest does not say so. NaN for anything else.
 */
function dateOf(value: string): number {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value)) return Number.NaN;
  return Date.parse(value.endsWith("GMT") ? value : `${value} GMT`);
}
