/** Names of types, endpoints and jobs; they become queue names, routing keys and URL segments, so one pattern rules them all. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The `endpoint` key of the one response of a `deliver: one` task: whoever takes it. It cannot collide with a name. */
export const ANY_ENDPOINT = "*";

/** First path segments and type sub-paths of the HTTP contract; a type or a task may not be called so. */
export const RESERVED_TYPE_NAMES: readonly string[] = [
  "tasks",
  "types",
  "endpoints",
  "events",
  "livez",
  "readyz",
  "metrics",
  "openapi.json",
  "docs",
  "ui",
  "session",
  "audit",
  "system",
  "favicon.ico",
  "robots.txt",
];

export function isName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}
