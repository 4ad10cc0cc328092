import type { Connection } from "./connection";

/**
 * The database holds times as `2026-11-22 10:11:12.123` in UTC; the store returns RFC 3339. Texts
 * are cut and joined but not parsed, so no time zone can affect them.
 */

/** The last time that both databases take. */
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
/** 100 years: the longest duration that is added to a time. */
const MAX_MS = 100 * 366 * 24 * 3600 * 1000;

/** The database's clock. */
export async function nowOf(connection: Connection): Promise<string> {
  const [row] = await connection.query<{ now_at: string }>(`SELECT ${connection.dialect.now} AS now_at`);
  return row!.now_at;
}

export function fromDb(time: string): string;
export function fromDb(time: string | null): string | null;
export function fromDb(time: string | null): string | null {
  return time === null ? null : `${time.slice(0, 10)}T${time.slice(11, 23)}Z`;
}

/** The inverse of `fromDb`. */
export function backToDb(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 23)}`;
}

/** From RFC 3339 with any offset. */
export function toDb(time: string): string {
  return msToDb(Date.parse(time));
}

export const msToDb = recalled((ms: number): string => {
  const text = new Date(Math.min(ms, LAST_MS)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 23)}`;
});

export const dbToMs = recalled((time: string): number => Date.parse(fromDb(time)));

/** Milliseconds of a result of `fromDb`. */
export const parsed = recalled((time: string): number => Date.parse(time));

/** A duration that both databases can add to a time. */
export function clampMs(ms: number): number {
  return Math.min(MAX_MS, Math.max(0, Math.round(ms)));
}

const MAX_RECALLED = 500;

/** Keeps results: a batch's rows share their times, and converting one takes ten times as long. */
function recalled<In, Out>(make: (given: In) => Out): (given: In) => Out {
  const known = new Map<In, Out>();
  return (given) => {
    let made = known.get(given);
    if (made === undefined) {
      made = make(given);
      if (known.size >= MAX_RECALLED) known.clear();
      known.set(given, made);
    }
    return made;
  };
}
