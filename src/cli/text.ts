import { stripVTControlCharacters } from "node:util";
import { writeExact } from "../model/json/exact-json";

/**
 * Whatever a server, a handler or a customer wrote is a stranger's text: it may hold terminal commands. Nothing of it reaches
 * the terminal but through these functions.
 */

// C0 and C1 controls (a lone U+009B begins a terminal command as well), and what turns the direction of text around.
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of several lines: terminal commands and control characters gone, line ends and tabs kept. */
export function cleanText(text: string): string {
  const lines = stripVTControlCharacters(text).replace(/\r\n?/g, "\n");
  return lines.replace(CONTROLS, (character) => (character === "\n" || character === "\t" ? character : ""));
}

/** One cell of a table: one line, at most `most` characters. */
export function cell(value: unknown, most = Number.POSITIVE_INFINITY): string {
  const text = value === null || value === undefined ? "" : typeof value === "string" ? value : writeExact(value);
  // What will not be shown need not be cleaned: a value may be megabytes long.
  const head = most < 1e6 ? text.slice(0, most * 4 + 200) : text;
  const line = cleanText(head)
    .replace(/[\s\p{Zs}]+/gu, " ")
    .trim();
  const characters = [...line];
  const cut = characters.length > most || head.length < text.length;
  return cut ? `${characters.slice(0, Math.max(1, most - 1)).join("")}…` : line;
}

/** JSON that is safe on a terminal: what JSON leaves as it is and a terminal would obey is escaped. */
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
