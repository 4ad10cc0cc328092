import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import type { JsonObject } from "../client";
import { parseDuration } from "../model/duration";
import { usage } from "./failure";

/** What people type → values. Parsers for options throw InvalidArgumentError: commander says which option it was. */

const DURATION = "write a duration such as 500ms, 30s, 10m, 2h or 7d";

/** Milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError(DURATION);
  return ms;
}

/** A duration, kept as text: the server reads it. */
export function durationText(text: string): string {
  duration(text);
  return text;
}

/** A time (RFC 3339), or a duration counted back (`past`) or forth from now. RFC 3339 UTC. */
export function timeFrom(direction: "past" | "future") {
  return (text: string): string => {
    const ms = parseDuration(text);
    if (ms !== null) return new Date(Date.now() + (direction === "past" ? -ms : ms)).toISOString();
    const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at))
      throw new InvalidArgumentError(`write a time such as 2030-01-31T12:00:00Z, or ${DURATION.slice(6)}`);
    return new Date(at).toISOString();
  };
}

export function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`write a whole number from ${least} to ${most}`);
  };
}

/** For options that may be repeated or hold several values with commas. */
export function collect(text: string, before: string[] = []): string[] {
  const values = text.split(",").map((value) => value.trim());
  if (values.some((value) => value === "")) throw new InvalidArgumentError("a value between two commas is empty");
  return [...before, ...values];
}

export function collectWhole(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** `--payload` ('{…}', @file or - for standard input) with each `--set name=value` put into it. Throws CliError. */
export function payloadOf(given: string | undefined, sets: readonly string[] = []): JsonObject | undefined {
  if (given === undefined && sets.length === 0) return undefined;
  const payload = given === undefined ? {} : parsePayload(textOf(given));
  for (const set of sets) {
    const equals = set.indexOf("=");
    if (equals < 1) throw usage(`--set ${JSON.stringify(set)} is not name=value`, "write --set name=value");
    const [name, value] = [set.slice(0, equals), set.slice(equals + 1)];
    Object.defineProperty(payload, name, {
      value: fieldValue(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return payload;
}

function textOf(given: string): string {
  if (given !== "-" && !given.startsWith("@")) return given;
  const file = given === "-" ? 0 : given.slice(1);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw usage(`The payload cannot be read from ${file === 0 ? "standard input" : file}: ${(error as Error).message}`);
  }
}

function parsePayload(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usage(
      `The payload is not JSON: ${(error as Error).message}`,
      `put it in quotes: --payload '{"name": "value"}', or --payload @file.json`,
    );
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw usage("The payload must be a JSON object", `--payload '{"name": "value"}'`);
  }
  return value as JsonObject;
}

/** `--set count=3` is a number, `--set name=Ann` a text: what reads as JSON is JSON. */
function fieldValue(text: string): JsonObject[string] {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
