import type { Dialect } from "../connection";

const FORMAT = "'%Y-%m-%d %H:%M:%f'";

export const sqliteDialect: Dialect = {
  kind: "sqlite",
  now: `strftime(${FORMAT}, 'now')`,
  both: (first, second, expression) => `(${first}, ${second}) = (SELECT v, v FROM (SELECT ${expression} AS v))`,
  plus: (time, ms) => `strftime(${FORMAT}, ${time}, ((${ms}) / 1000.0) || ' seconds')`,
  nowPlus: (ms) => `strftime(${FORMAT}, 'now', ((${ms}) / 1000.0) || ' seconds')`,
  byKey: "",
  by: (index) => ` INDEXED BY ${index}`,
  // DISTINCT would read the whole index.
  everyType: `WITH RECURSIVE types (type) AS (
      SELECT MIN(type) FROM tasks
      UNION ALL SELECT (SELECT MIN(t.type) FROM tasks t WHERE t.type > types.type) FROM types WHERE types.type IS NOT NULL)
    SELECT type FROM types WHERE type IS NOT NULL`,
  least: (a, b) => `min(${a}, ${b})`,
  // BEGIN IMMEDIATE has locked the database.
  forUpdate: "",
  keepDuplicates: () => " ON CONFLICT DO NOTHING",
  // The text does not depend on the length, so that the prepared statement is reused.
  isIn(column, list) {
    if (list.length === 1) return { text: `${column} = ?`, values: [list[0]!] };
    return { text: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(list)] };
  },
  feedLagMs: 0,
  isDuplicate: (error) => /^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)/.test(codeOf(error)),
  isBadRow: (error) => /^SQLITE_(TOOBIG|CONSTRAINT|MISMATCH|RANGE)/.test(codeOf(error)) || error instanceof RangeError,
};

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
