/** Names of types, endpoints and jobs. They become queue names, routing keys and URL segments. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The `endpoint` key of the one response of a `deliver: one` task. It is no valid name. */
export const ANY_ENDPOINT = "*";

/** First path segments of the HTTP contract, which no type may have as its name. */
export const RESERVED_TYPE_NAMES: readonly string[] = [
  ...["tasks", "types", "endpoints", "events", "session", "audit", "system"],
  ...["livez", "readyz", "metrics", "openapi.json", "docs", "ui", "favicon.ico", "robots.txt"],
];

export function isName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}
