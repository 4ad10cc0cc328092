/**
 * Times stand in the database as `2026-11-22 10:11:12.123` (UTC) and leave it as RFC 3339. Only digits move: the text is
 * never parsed on the way, so no time zone can come in.
 */
export const FAR_FUTURE = "9999-12-31 00:00:00.000";
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** Longer waits than this end in the year 9999 anyway; databases refuse to add them. */
export const MAX_MS = 100 * 366 * 24 * 3600 * 1000;

export function fromDb(time: string): string;
export function fromDb(time: string | null): string | null;
export function fromDb(time: string | null): string | null {
  return time === null ? null : `${time.slice(0, 10)}T${time.slice(11, 23)}Z`;
}

/** What `fromDb` has made. */
export function backToDb(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 23)}`;
}

/** From RFC 3339 in any offset; the database takes no times after the year 9999. */
export function toDb(time: string): string {
  return msToDb(Date.parse(time));
}

export const msToDb = recalled((ms: number): string => {
  const text = new Date(Math.min(ms, LAST_MS)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 23)}`;
});

export const dbToMs = recalled((time: string): number => Date.parse(fromDb(time)));

/** Of what `fromDb` has made. */
export const parsed = recalled((time: string): number => Date.parse(time));

/** A duration that can be added to the clock of either database. */
export function clampMs(ms: number): number {
  return Math.min(MAX_MS, Math.max(0, Math.round(ms)));
}

const MAX_RECALLED = 500;

/** Under load the same moments come again and again, those of a batch; to parse or write one takes ten times as long as to find it. */
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
