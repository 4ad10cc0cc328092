import type { Json, TaskResponse } from "../../../client/types";
import { ExactNumber, writeExact } from "../../../model/json/exact-json";

export interface Group {
  key: string;
  /** The result without the endpoint's own name, so that endpoints can be compared. */
  value: Json;
  members: TaskResponse[];
}

/** Groups equal results, the largest group first. Omits responses without a result. Pure. */
export function groups(responses: readonly TaskResponse[]): Group[] {
  const found = new Map<string, Group>();
  for (const response of responses) {
    const raw = response.result_text ?? response.result ?? null;
    if (raw === null) continue;
    const value = neutral(raw, response.endpoint);
    const key = writeExact(value);
    const group = found.get(key);
    if (group) group.members.push(response);
    else found.set(key, { key, value, members: [response] });
  }
  return [...found.values()].sort((a, b) => b.members.length - a.members.length);
}

/** Keys sorted, own name replaced. */
function neutral(value: Json, endpoint: string | null): Json {
  if (typeof value === "string") return value === endpoint ? "‹this endpoint›" : value;
  if (Array.isArray(value)) return value.map((item) => neutral(item, endpoint));
  if (value === null || typeof value !== "object" || value instanceof ExactNumber) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, neutral(value[name]!, endpoint)]),
  );
}

/** The paths at which two values differ (`version`, `disks.0.free`); "": the whole. */
export function compare(a: Json, b: Json, path = ""): string[] {
  if (writeExact(a) === writeExact(b)) return [];
  if (
    a === null ||
    b === null ||
    typeof a !== "object" ||
    typeof b !== "object" ||
    a instanceof ExactNumber ||
    b instanceof ExactNumber ||
    Array.isArray(a) !== Array.isArray(b)
  ) {
    return [path || "the whole answer"];
  }
  const left = a as { [key: string]: Json };
  const right = b as { [key: string]: Json };
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].flatMap((name) =>
    compare(left[name] ?? null, right[name] ?? null, path ? `${path}.${name}` : name),
  );
}
