import { parseDuration } from "../../model/duration";

export const DURATION = "a duration such as 500ms, 30s, 10m, 2h or 7d";
export const SIZE = "a size such as 512b, 64kb or 1mb";

/** Timers of Node take no more than 2^31 ms. */
export const LONGEST_TIMER_MS = 24 * 86_400_000;
export const LONGEST_MS = 3650 * 86_400_000;

const SIZES: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** `512b`, `64kb`, `1mb`, `1gb` (powers of 1024) → bytes; null for anything else. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(b|kb|mb|gb)$/i.exec(text);
  if (!match) return null;
  return Math.round(Number(match[1]) * SIZES[match[2]!.toLowerCase()]!);
}

export { parseDuration };
