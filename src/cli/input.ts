import { InvalidArgumentError } from "commander";
import { parseDuration } from "../model/duration";
import { parseTime, timeText } from "../model/time";

/** Parsers of options. Commander adds the option's name to their InvalidArgumentError. */

const DURATION = "write a duration such as 500ms, 30s, 10m, 2h or 7d";

/** Milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError(DURATION);
  return ms;
}

/** A duration as text, for the server to parse. */
export function durationText(text: string): string {
  duration(text);
  return text;
}

/** A time, a date, or a duration before (`past`) or after now → RFC 3339 UTC. */
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

export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`write a whole number from ${min} to ${max}`);
  };
}

/** For options that may be repeated or hold several values separated by commas. */
export function collect(text: string, before: string[] = []): string[] {
  const values = text.split(",").map((value) => value.trim());
  if (values.some((value) => value === "")) throw new InvalidArgumentError("a value between two commas is empty");
  return [...before, ...values];
}

export function collectWhole(text: string, before: string[] = []): string[] {
  return [...before, text];
}
