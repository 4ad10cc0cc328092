/**
 * Where a text stops being JSON, in words. The text itself is not shown, since it may hold secrets.
 */
export function placeOfFault(text: string): string {
  const position = jsonFault(text);
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  const column = position - before.lastIndexOf("\n");
  const what = position >= text.length ? "it ends too early" : "it cannot be read";
  return `${what} at line ${line}, column ${column} (position ${position})`;
}

/**
 * Where a text stops being JSON: the index of the first wrong character, or its length if it ends
 * too early. JSON.parse does not always say, and quotes the text. Only for texts that JSON.parse
 * has refused.
 */
export function jsonFault(text: string): number {
  const open: Array<"{" | "["> = [];
  let expected: "value" | "value or ]" | "key" | "key or }" | "colon" | "comma or end" = "value";
  for (let at = skipSpace(text, 0); ; at = skipSpace(text, at)) {
    const char = text[at];
    const inside = open.at(-1);
    if (char === undefined) return at;
    const mayClose = expected === "comma or end" || expected === "key or }" || expected === "value or ]";
    if (mayClose && inside && char === CLOSING[inside]) {
      open.pop();
      expected = "comma or end";
      at++;
    } else if (expected === "colon" || expected === "comma or end") {
      if (!inside || char !== (expected === "colon" ? ":" : ",")) return at;
      expected = expected === "colon" || inside === "[" ? "value" : "key";
      at++;
    } else if (expected.startsWith("key")) {
      const end = char === '"' ? stringEnd(text, at) : -at - 1;
      if (end < 0) return -end - 1;
      expected = "colon";
      at = end;
    } else if (char === "{" || char === "[") {
      open.push(char);
      expected = char === "{" ? "key or }" : "value or ]";
      at++;
    } else {
      const end = char === '"' ? stringEnd(text, at) : literalEnd(text, at);
      if (end < 0) return -end - 1;
      expected = "comma or end";
      at = end;
    }
  }
}

const CLOSING = { "{": "}", "[": "]" };

function skipSpace(text: string, at: number): number {
  while (at < text.length && " \t\n\r".includes(text[at]!)) at++;
  return at;
}

const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;

/** Index after the literal or number, or -(index of the fault) - 1. */
function literalEnd(text: string, at: number): number {
  LITERAL.lastIndex = at;
  return LITERAL.test(text) ? LITERAL.lastIndex : -at - 1;
}

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Index after the closing quote, or -(index of the fault) - 1. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -at - 1;
    if (code !== 0x5c) at++;
    else {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) return -at - 1;
      at = ESCAPE.lastIndex;
    }
  }
  return -text.length - 1;
}
