import { keepText } from "../model/exact";
import type { JsonBody } from "./body";

/** Remembers the payload's own text (model/exact.ts) of a request; returns the request. */
export function exactBody(body: JsonBody): Record<string, unknown> {
  const { payload } = body.value;
  if (payload !== null && typeof payload === "object") {
    const span = member(body.text, 0, "payload");
    if (span) keepText(payload, body.text.slice(span[0], span[1]));
  }
  return body.value;
}

/** The same for each request of a batch. */
export function exactTasks(body: JsonBody): Record<string, unknown> {
  const { tasks } = body.value;
  const list = Array.isArray(tasks) ? member(body.text, 0, "tasks") : null;
  if (!list) return body.value;
  let at = skipSpace(body.text, list[0] + 1);
  for (const task of tasks as unknown[]) {
    const payload = task !== null && typeof task === "object" ? (task as { payload?: unknown }).payload : undefined;
    if (payload !== null && typeof payload === "object" && body.text[at] === "{") {
      const span = member(body.text, at, "payload");
      if (span) keepText(payload, body.text.slice(span[0], span[1]));
    }
    at = skipSpace(body.text, skipValue(body.text, at));
    if (body.text[at] === ",") at = skipSpace(body.text, at + 1);
  }
  return body.value;
}

type Span = [start: number, end: number];

/** Where the value of a member stands in the object that begins at `at`; of several the last, as in JSON.parse. Valid JSON only. */
function member(text: string, at: number, name: string): Span | null {
  let found: Span | null = null;
  at = skipSpace(text, skipSpace(text, at) + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const key = text.slice(at + 1, keyEnd - 1);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    if (key === name || (key.includes("\\") && JSON.parse(text.slice(at, keyEnd)) === name)) found = [start, end];
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return found;
}

function skipSpace(text: string, at: number): number {
  for (let code = text.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9; ) {
    code = text.charCodeAt(++at);
  }
  return at;
}

function skipString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

function skipValue(text: string, at: number): number {
  let depth = 0;
  for (;;) {
    const char = text[at];
    if (char === '"') at = skipString(text, at);
    else {
      if (char === "{" || char === "[") depth++;
      else if (char === "}" || char === "]") depth--;
      else if (depth === 0) return skipScalar(text, at);
      at++;
    }
    if (depth === 0) return at;
  }
}

function skipScalar(text: string, at: number): number {
  while (at < text.length && !",]} \n\r\t".includes(text[at]!)) at++;
  return at;
}
