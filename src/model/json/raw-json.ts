/**
 * Cuts the text of a value out of a JSON text that JSON.parse has accepted, so that it stays byte
 * for byte as it was sent. exact-json.ts reads values with exact numbers.
 */

/** The text of the member `key` of the object in `json`, the last one of duplicates; null: none. */
export function memberText(json: string, key: string): string | null {
  let found: string | null = null;
  let at = skipSpace(json, 0);
  if (json[at] !== "{") return null;
  at = skipSpace(json, at + 1);
  while (json[at] === '"') {
    const nameEnd = endOfString(json, at);
    const name = json.slice(at, nameEnd);
    at = skipSpace(json, skipSpace(json, nameEnd) + 1);
    const end = endOfValue(json, at);
    if (name === `"${key}"` || (name.includes("\\") && JSON.parse(name) === key)) found = json.slice(at, end);
    at = skipSpace(json, end);
    if (json[at] !== ",") break;
    at = skipSpace(json, at + 1);
  }
  return found;
}

/** The texts of the elements of the array in `json`. */
export function elementTexts(json: string): string[] {
  const texts: string[] = [];
  let at = skipSpace(json, 0);
  if (json[at] !== "[") return texts;
  at = skipSpace(json, at + 1);
  while (at < json.length && json[at] !== "]") {
    const end = endOfValue(json, at);
    texts.push(json.slice(at, end));
    at = skipSpace(json, end);
    if (json[at] !== ",") break;
    at = skipSpace(json, at + 1);
  }
  return texts;
}

export function skipSpace(json: string, at: number): number {
  while (at < json.length && json.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** `at`: the index of the opening quote. Returns the index after the closing one. */
export function endOfString(json: string, at: number): number {
  let end = at;
  for (;;) {
    end = json.indexOf('"', end + 1);
    if (end === -1) return json.length;
    let escapes = 0;
    while (json.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
}

function endOfValue(json: string, at: number): number {
  if (json[at] === '"') return endOfString(json, at);
  if (json[at] !== "{" && json[at] !== "[") {
    while (at < json.length && !",]} \t\r\n".includes(json[at]!)) at++;
    return at;
  }
  let depth = 0;
  for (; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x22) at = endOfString(json, at) - 1;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return at + 1;
  }
  return at;
}
