import type { TaskType } from "../../../client/types";
import { duration } from "../../parts/time";

const NAMES: Array<[field: keyof TaskType, label: string]> = [
  ["performer", "Performed by a"],
  ["attempts", "Attempts"],
  ["timeout_ms", "Timeout of an attempt"],
  ["wait_for_endpoints_timeout_ms", "Incomplete after"],
  ["concurrency", "At once, each manager"],
  ["backoff", "Between attempts"],
  ["expires_ms", "Missed after"],
  ["keep_ms", "Deleted after"],
  ["priority", "Priority"],
  ["jobs", "Jobs"],
];

/** The type's policy for people; unset rules are omitted. */
export function policyOf(type: TaskType): Array<[string, string]> {
  return NAMES.flatMap(([field, label]): Array<[string, string]> => {
    const value = type[field];
    if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return [];
    if (field === "backoff") {
      const { first_ms, factor, max_ms } = value as { first_ms: number; factor: number; max_ms: number };
      return [[label, `${duration(first_ms)}, then ×${factor} up to ${duration(max_ms)}`]];
    }
    if (field.endsWith("_ms")) return [[label, duration(Number(value))]];
    return [[label, Array.isArray(value) ? value.join(", ") : String(value)]];
  });
}
