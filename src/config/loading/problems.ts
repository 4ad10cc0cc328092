import type { z } from "zod";
import { at, type Layer, layerOf, type Path } from "./layers";

/** Keys whose values are never shown. */
const SECRET = /^(password|key|hash|secret|token)$/i;

/** A value as a message may show it: short and without secrets. */
export function shown(value: unknown, path: Path): string {
  if (value === undefined || value === null) return "nothing";
  if (path.some((step) => typeof step === "string" && SECRET.test(step))) return "*** (not shown)";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  // Up to the last @, since a password may contain one.
  const text =
    typeof value === "string" ? value.replace(/(:\/\/)[^\s/]*@/g, "$1***@").replace(/(:\/\/)\S*@/g, "$1***@") : value;
  const json = JSON.stringify(text);
  return json.length > 100 ? `${json.slice(0, 97)}…"` : json;
}

/** `place: key: found X; allowed: Y` for a value. */
export function valueProblem(layers: readonly Layer[], path: Path, value: unknown, allowed: string): string {
  return `${placeOf(layers, path)}: ${dotted(path)}: found ${shown(value, path)}; allowed: ${allowed}`;
}

/** `place: key: sentence`. */
export function keyProblem(layers: readonly Layer[], path: Path, sentence: string): string {
  return `${placeOf(layers, path, "key")}: ${dotted(path)}: ${sentence}`;
}

/** One line for each fault that a schema found. `known`: the keys that may stand at a path. */
export function issueProblems(
  issue: z.core.$ZodIssue,
  layers: readonly Layer[],
  raw: unknown,
  known: (path: Path) => readonly string[],
): string[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const allowed = known(path);
      const meant = closest(key, allowed);
      const hint = meant ? `did you mean ${meant}? ` : "";
      return keyProblem(layers, [...path, key], `unknown key; ${hint}allowed: ${allowed.join(", ")}`);
    });
  }
  return [valueProblem(layers, path, at(raw, path), issue.message)];
}

/** The name among `names` that was most likely meant; null where none is near. */
export function closest(word: string, names: readonly string[]): string | null {
  const ranked = names
    .map((name) => ({ name, steps: distance(word.toLowerCase(), name) }))
    .sort((a, b) => a.steps - b.steps);
  const best = ranked[0];
  return best && best.steps <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : null;
}

/** Edit distance (insert, delete, replace) between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** A missing value has no place of its own; the nearest section around it is named instead. */
function placeOf(layers: readonly Layer[], path: Path, part: "key" | "value" = "value"): string {
  for (let length = path.length; length > 0; length--) {
    const layer = layerOf(layers, path.slice(0, length));
    if (layer) return layer.where(path.slice(0, length), length === path.length ? part : "key");
  }
  return layers.find((layer) => layer.from === "file")?.where([], "key") ?? "the config";
}

/** `task_types.app-update.backoff.first`, `api.keys[0].name`. */
export function dotted(path: Path): string {
  return (
    path.reduce<string>(
      (text, step) => (typeof step === "number" ? `${text}[${step}]` : text ? `${text}.${step}` : step),
      "",
    ) || "(the whole file)"
  );
}
