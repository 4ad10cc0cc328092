/**
 * Texts that a person reads (errors, log lines, previews) must survive every store: whole
 * characters, no NUL, bounded.
 */

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/**
 * Lone surrogates become U+FFFD and NUL becomes U+2400: neither can be stored or shown everywhere.
 */
export function cleanText(text: string): string {
  return text.replace(LONE_SURROGATE, "\ufffd").replaceAll("\0", "\u2400");
}

/** Cleans `text` and cuts it to `max` characters, saying how many were left out. */
export function shortText(text: string, max: number): string {
  if (text.length <= max) return cleanText(text);
  return `${cleanText(text.slice(0, max))}… (${text.length - max} characters left out)`;
}

/** The last `lines` lines of `text`, at most `max` characters. */
export function lastLines(text: string, lines: number, max: number): string {
  const tail = text.trimEnd().split("\n").slice(-lines).join("\n");
  return cleanText(tail.length > max ? `…${tail.slice(-max)}` : tail);
}
