import { inspect } from "node:util";
import { withoutSecrets } from "./errors";

const MAX_CHARACTERS = 8192;
const MAX_PARTS = 10;
const MAX_DEPTH = 8;
const FRAMES = { thrown: 6, part: 2 };
/** Fields of an error that its message may not mention. */
const FACTS = ["code", "status", "statusCode", "sqlState", "exitCode", "signal"];

/**
 * Describes anything thrown: the message, distinguishing fields, the parts of an AggregateError and
 * the chain of causes. `lines` adds names and stack frames, for a record; `sentence` is one line,
 * to be part of a text. Never throws; removes passwords in URLs.
 */
export function describeError(thrown: unknown, form: "lines" | "sentence" = "lines"): string {
  let text: string;
  try {
    text = form === "lines" ? linesOf(thrown, 0, new Set()).join("\n") : sentenceOf(thrown, 0, new Set());
  } catch {
    text = "a value that cannot be read was thrown";
  }
  return shortened(withoutSecrets(text).toWellFormed().replaceAll("\0", "\u2400"));
}

function linesOf(thrown: unknown, depth: number, seen: Set<unknown>): string[] {
  if (!isError(thrown)) return [inspect(thrown, { depth: 2 })];
  if (seen.has(thrown)) return ["(the same error again)"];
  seen.add(thrown);
  const { name, message } = thrown;
  const lines = [`${[name, message].filter(Boolean).join(": ") || "Error"}${factsOf(thrown)}`];
  lines.push(...placeOf(thrown), ...framesOf(thrown, depth === 0 ? FRAMES.thrown : FRAMES.part));
  if (depth === MAX_DEPTH) return lines;
  const parts = partsOf(thrown);
  for (const [i, part] of parts.slice(0, MAX_PARTS).entries()) {
    lines.push(...indented(`${i + 1}. `, linesOf(part, depth + 1, seen)));
  }
  if (parts.length > MAX_PARTS) lines.push(`  … and ${parts.length - MAX_PARTS} more`);
  if (hasCause(thrown)) lines.push(...indented("caused by ", linesOf(thrown.cause, depth + 1, seen), ""));
  return lines;
}

function sentenceOf(thrown: unknown, depth: number, seen: Set<unknown>): string {
  if (!isError(thrown)) return inspect(thrown, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  if (seen.has(thrown)) return "";
  seen.add(thrown);
  const parts = partsOf(thrown);
  const inner = depth === MAX_DEPTH ? [] : parts.slice(0, MAX_PARTS).map((part) => sentenceOf(part, depth + 1, seen));
  const own = thrown.message || (inner.length > 0 ? "" : thrown.name || "Error");
  const said = [`${own}${own === "" ? "" : factsOf(thrown)}`, inner.filter(Boolean).join("; ")]
    .filter(Boolean)
    .join(": ");
  if (!hasCause(thrown) || depth === MAX_DEPTH) return said;
  const cause = sentenceOf(thrown.cause, depth + 1, seen);
  // A wrapping error often repeats the message of its cause.
  return cause === "" || said.includes(cause) ? said : `${said}: ${cause}`;
}

/** Errors of another realm (a vm, a worker) are not `instanceof Error`. */
function isError(value: unknown): value is Error {
  return (
    value instanceof Error ||
    (typeof value === "object" && value !== null && typeof (value as Error).message === "string")
  );
}

function hasCause(error: Error): boolean {
  return error.cause !== undefined && error.cause !== null;
}

function partsOf(error: Error): unknown[] {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) && (error.name === "AggregateError" || errors.every(isError)) ? errors : [];
}

/** ` (code ECONNREFUSED, status 503)`, without the facts in the message. */
function factsOf(error: Error): string {
  const facts = FACTS.flatMap((field) => {
    const value = (error as unknown as Record<string, unknown>)[field];
    const scalar = typeof value === "string" || typeof value === "number";
    if (!scalar || value === "" || String(error.message).includes(String(value))) return [];
    return [`${field} ${value}`];
  });
  return facts.length === 0 ? "" : ` (${facts.join(", ")})`;
}

/** The place of a SyntaxError: Node puts file, line and code before its stack. */
function placeOf(error: Error): string[] {
  const [place, ...code] = beforeHead(error);
  if (place === undefined || !/:\d+$/.test(place)) return [];
  return [`    at ${place}`, ...code.filter((line) => line.trim() !== "").map((line) => `      ${line}`)];
}

function beforeHead({ name, message, stack = "" }: Error): string[] {
  const at = String(stack).indexOf(`${name}: ${message}`);
  return at <= 0 ? [] : String(stack).slice(0, at).trimEnd().split("\n");
}

function framesOf({ stack }: Error, most: number): string[] {
  return String(stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !line.includes("node:internal"))
    .slice(0, most);
}

function indented(mark: string, lines: string[], before = "  "): string[] {
  return lines.map((line, i) => (i === 0 ? `${before}${mark}${line}` : `  ${line}`));
}

function shortened(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  return `${text.slice(0, MAX_CHARACTERS).toWellFormed()}… (${text.length - MAX_CHARACTERS} characters left out)`;
}
