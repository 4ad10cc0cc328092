import { stripVTControlCharacters } from "node:util";
import { writeExact } from "../model/json/exact-json";

/**
 * Text from a server, a handler or a customer may hold terminal commands. It reaches the terminal
 * only through these functions.
 */

// C0 and C1 controls (U+009B alone begins a terminal command as well), and characters that change
// the text direction.
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Removes terminal commands and control characters; keeps line ends and tabs. */
export function cleanText(text: string): string {
  const lines = stripVTControlCharacters(text).replace(/\r\n?/g, "\n");
  return lines.replace(CONTROLS, (character) => (character === "\n" || character === "\t" ? character : ""));
}

/** One cell of a table: one line of at most `max` characters. */
export function cell(value: unknown, max = Number.POSITIVE_INFINITY): string {
  const text = value === null || value === undefined ? "" : typeof value === "string" ? value : writeExact(value);
  // A value may be megabytes long. Clean only the part that can be shown.
  const head = max < 1e6 ? text.slice(0, max * 4 + 200) : text;
  const line = cleanText(head)
    .replace(/[\s\p{Zs}]+/gu, " ")
    .trim();
  const characters = [...line];
  const cut = characters.length > max || head.length < text.length;
  return cut ? `${characters.slice(0, Math.max(1, max - 1)).join("")}…` : line;
}

/** JSON with every character escaped that a terminal would obey. */
export function safeJson(value: unknown): string {
  const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return writeExact(value, 2).replace(CONTROLS, (c) => (c === "\n" ? c : escaped(c)));
}

export function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

export function pad(text: string, to: number): string {
  return text + " ".repeat(Math.max(0, to - width(text)));
}

/** `1 endpoint`, `3 endpoints`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Milliseconds for people: `12 ms`, `1.4 s`, `3 m 20 s`, `5 h 3 m`, `12 d`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} m ${Math.floor(s % 60)} s`;
  const h = Math.floor(m / 60);
  return h < 48 ? `${h} h ${m % 60} m` : `${Math.floor(h / 24)} d`;
}
