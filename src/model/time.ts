/** Parses the times that people and programs write. */

/** For messages that refuse a time. */
export const TIME_EXPECTED = "must be an RFC 3339 time that exists, such as 2030-01-31T12:00:00Z";

const DAY = String.raw`(\d{4})-(\d\d)-(\d\d)`;
const TIME = String.raw`[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))`;
const PATTERN = new RegExp(`^${DAY}(?:${TIME})?$`);
const ONLY_DAY = 10;

const FIRST = Date.parse("0001-01-01T00:00:00.000Z");
const LAST = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * An RFC 3339 time with its offset, years 1 to 9999 in UTC → milliseconds since 1970. Null: another
 * notation, or a time that does not exist (February 30, 24:00). A second 60 is accepted at the end
 * of a month in UTC and means the second after it. `day`: accepts a date alone too, as its midnight
 * in UTC.
 */
export function parseTime(text: string, { day: dayAlone = false } = {}): number | null {
  const parts = PATTERN.exec(text);
  if (!parts || (text.length === ONLY_DAY && !dayAlone)) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((digits) => Number(digits ?? 0)) as Numbers;
  const [sign, offsetHour, offsetMinute] = [parts[8], Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return null;
  const offset = (sign === "-" ? -1 : 1) * (offsetHour * 60 + offsetMinute);
  const whole = midnight(year, month, day) + ((hour * 60 + minute - offset) * 60 + second) * 1000;
  // Here a second 60 has become the second after it.
  if (second === 60 && !beginsMonth(whole)) return null;
  const ms = whole + Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3));
  return ms >= FIRST && ms <= LAST ? ms : null;
}

/** The same as RFC 3339 text in UTC, the form in which times are stored and answered. */
export function normalTime(text: string, options?: { day?: boolean }): string | null {
  const ms = parseTime(text, options);
  return ms === null ? null : timeText(ms);
}

/** Milliseconds → RFC 3339 text in UTC; null outside the years 1 to 9999. */
export function timeText(ms: number): string | null {
  return ms >= FIRST && ms <= LAST ? new Date(ms).toISOString() : null;
}

type Numbers = [year: number, month: number, day: number, hour: number, minute: number, second: number];

/** Date.UTC would move the years up to 99 into the 20th century. */
function midnight(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

function daysIn(year: number, month: number): number {
  return new Date(midnight(year, month + 1, 0)).getUTCDate();
}

function beginsMonth(ms: number): boolean {
  return ms % 86_400_000 === 0 && new Date(ms).getUTCDate() === 1;
}
