import { isIP } from "node:net";
import { z } from "zod";
import { formatDuration, parseDuration } from "../model/duration";
import { NAME } from "../model/names";

/** Schemas for the values of the config. Each `error` continues the sentence "allowed: …". */

const SIZES: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
/** Node's timers take no more than 2^31 ms. */
const MAX_TIMER_MS = 24 * 86_400_000;
const MAX_MS = 3650 * 86_400_000;

export const text = (error: string) => z.string({ error }).min(1, { error });
export const matching = (pattern: RegExp, error: string) => z.string({ error }).regex(pattern, { error });
export const list = <T extends z.ZodType>(item: T, error: string) => z.array(item, { error });
export const oneOf = <const T extends readonly string[]>(values: T, error: string) => z.enum(values, { error });

/** A variable, `"${PORT}"`, gives a text even where a number or a flag is meant. */
const fromText = <T extends z.ZodType>(pattern: RegExp, schema: T) =>
  z.preprocess((value) => (typeof value === "string" && pattern.test(value) ? JSON.parse(value) : value), schema);

export const flag = () => fromText(/^(true|false)$/, z.boolean({ error: "true or false" }));

export const whole = (min: number, max: number, error = `a whole number from ${min} to ${max}`) =>
  fromText(/^(0|[1-9]\d{0,14})$/, z.int({ error }).min(min, { error }).max(max, { error }));

export const number = (min: number, max: number) => {
  const error = `a number from ${min} to ${max}`;
  return fromText(/^(0|[1-9]\d{0,14})(\.\d+)?$/, z.number({ error }).min(min, { error }).max(max, { error }));
};

const DURATION = "a duration such as 500ms, 30s, 10m, 2h or 7d";

/** Milliseconds. */
export const duration = (minMs: number) => {
  const error = `${DURATION}${minMs > 0 ? ", more than 0" : ""}, at most 24d`;
  return z
    .string({ error })
    .refine((value) => within(parseDuration(value), minMs, MAX_TIMER_MS), { error })
    .transform((value) => parseDuration(value)!);
};

/** Milliseconds; null: never. */
export const lifetime = () => {
  const error = `${DURATION}, or never, more than 0, at most 3650d`;
  return z
    .string({ error })
    .refine((value) => value === "never" || within(parseDuration(value), 1, MAX_MS), { error })
    .transform((value) => parseDuration(value));
};

export const timeText = (ms: number | null) => (ms === null ? "never" : formatDuration(ms));

/** Bytes, at most 64 MiB. */
export const size = (min: number) => {
  const error = "a size such as 512b, 64kb or 1mb, at most 64mb";
  return z
    .string({ error })
    .refine((value) => within(parseSize(value), min, 64 * 1024 ** 2), { error })
    .transform((value) => parseSize(value)!);
};

/** `512b`, `64kb`, `1mb`, `1gb` (powers of 1024) → bytes; null for anything else. */
function parseSize(value: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(b|kb|mb|gb)$/i.exec(value);
  return match && Math.round(Number(match[1]) * SIZES[match[2]!.toLowerCase()]!);
}

function within(value: number | null, min: number, max: number): boolean {
  return value !== null && value >= min && value <= max;
}

export const name = () =>
  matching(
    NAME,
    "a name of 1 to 63 characters: small letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
  );
export const names = () => list(name(), "a list of names");

export const uri = (schemes: readonly string[], error: string) =>
  z.string({ error }).refine((value) => schemes.some((scheme) => value.startsWith(scheme)) && isUri(value), { error });

function isUri(value: string): boolean {
  return /^(sqlite|embedded):/.test(value) || URL.canParse(value);
}

/** The URI without passwords (up to the last @, since they may hold one) and secrets. */
export function uriText(value: string): string {
  return value
    .replace(/:\/\/([^\s/:@]*):\S*@/, "://$1:***@")
    .replace(/([?&][^=]*(?:password|secret|key)[^=]*=)[^&]*/gi, "$1***");
}

/** How many proxies every request has passed, or their addresses and networks. */
export const proxies = () => {
  const error = "a number of proxies from 0 to 10, or a list of their addresses and networks (10.0.0.1, 10.0.0.0/8)";
  const count = fromText(/^\d{1,2}$/, z.int({ error }).min(0, { error }).max(10, { error }));
  return z.union([count, z.array(z.string({ error }).refine(isNetwork, { error }))], { error });
};

function isNetwork(value: string): boolean {
  const [address = "", bits, ...rest] = value.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)]!;
  return rest.length === 0 && (bits === undefined ? most > 0 : /^\d{1,3}$/.test(bits) && Number(bits) <= most);
}
