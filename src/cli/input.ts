import { InvalidArgumentError } from "commander";
import { parseDuration } from "../model/duration";
import { parseTime, timeText } from "../model/time";

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

/** A time (RFC 3339, or a date alone: its midnight in UTC), or a duration counted back (`past`) or forth from now. RFC 3339 UTC. */
export function timeFrom(direction: "past" | "future") {
  return (text: string): string => {
    const ms = parseDuration(text);
    const at = ms === null ? parseTime(text, { day: true }) : Date.now() + (direction === "past" ? -ms : ms);
    if (at === null)
      throw new InvalidArgumentError(`write a time that exists, such as 2030-01-31T12:00:00Z, or ${DURATION.slice(6)}`);
    const found = timeText(at);
    if (found === null) throw new InvalidArgumentError("it lies outside the years 1 to 9999");
    return found;
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
