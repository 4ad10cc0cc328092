/** JSON as it travels and is stored. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Deeper than this is refused before it is stored: JSON.parse accepts what JSON.stringify then cannot write. */
export const MAX_DEPTH = 64;

/** Whether `value` nests deeper than `limit` levels (a scalar is level 0). Iterative: the input is hostile. */
export function deeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const item of level) {
      if (item === null || typeof item !== "object") continue;
      if (depth >= limit) return true;
      for (const child of Array.isArray(item) ? item : Object.values(item)) {
        if (child !== null && typeof child === "object") next.push(child);
      }
    }
    level = next;
  }
  return false;
}
