import type { Dialect } from "../connection";

/** Only what MySQL 8 and MariaDB 10.11 both understand. */
export const mysqlDialect: Dialect = {
  kind: "mysql",
  now: "UTC_TIMESTAMP(3)",
  // Assignments take effect from left to right.
  both: (first, second, expression) => `${first} = ${expression}, ${second} = ${first}`,
  plus: (time, ms) => `(${time} + INTERVAL (${ms}) * 1000 MICROSECOND)`,
  nowPlus: (ms) => `(UTC_TIMESTAMP(3) + INTERVAL (${ms}) * 1000 MICROSECOND)`,
  // Left alone, MariaDB takes the index by endpoint where both would do: a detour, and more locks.
  byKey: " FORCE INDEX (PRIMARY)",
  by: (index) => ` FORCE INDEX (${index})`,
  // From one to the next in the index ("Using index for group-by"); a recursive query would read
  // all of it for each of them.
  everyType: "SELECT DISTINCT type FROM tasks FORCE INDEX (tasks_by_type_status)",
  least: (a, b) => `LEAST(${a}, ${b})`,
  forUpdate: " FOR UPDATE",
  keepDuplicates: (column) => ` ON DUPLICATE KEY UPDATE ${column} = ${column}`,
  isIn(column, list) {
    if (list.length === 1) return { text: `${column} = ?`, values: [list[0]!] };
    return { text: `${column} IN (${"?, ".repeat(list.length - 1)}?)`, values: [...list] };
  },
  // A statement's clock stands still from its start; its commit becomes visible a little later.
  feedLagMs: 200,
  isDuplicate: (error) => numberOf(error) === 1062,
  isBadRow(error) {
    const number = numberOf(error);
    return number !== null && BAD_ROW.has(number);
  },
};

/**
 * Too long, out of range, wrong characters (also in a comparison), wrong time, packet too large,
 * row too large, division of the undividable.
 */
const BAD_ROW = new Set([
  1048, 1118, 1153, 1264, 1265, 1267, 1270, 1271, 1292, 1300, 1301, 1366, 1406, 1411, 1441, 3140, 4025,
]);

function numberOf(error: unknown): number | null {
  const number = (error as { errno?: unknown } | null)?.errno;
  return typeof number === "number" && number > 0 ? number : null;
}
