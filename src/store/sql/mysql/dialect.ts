import type { Dialect } from "../connection";

/** Only what MySQL 8 and MariaDB 10.11 both understand. */
export const mysqlDialect: Dialect = {
  kind: "mysql",
  now: "UTC_TIMESTAMP(3)",
  // Assignments take effect from left to right.
  both: (first, second, expression) => `${first} = ${expression}, ${second} = ${first}`,
  plus: (time, ms) => `(${time} + INTERVAL (${ms}) * 1000 MICROSECOND)`,
  nowPlus: (ms) => `(UTC_TIMESTAMP(3) + INTERVAL (${ms}) * 1000 MICROSECOND)`,
  // MariaDB may choose the index by endpoint instead, which reads and locks more.
  byKey: " FORCE INDEX (PRIMARY)",
  by: (index) => ` FORCE INDEX (${index})`,
  // Skips through the index ("Using index for group-by"); a recursive query would read all of it.
  everyType: "SELECT DISTINCT type FROM tasks FORCE INDEX (tasks_by_type_status)",
  least: (a, b) => `LEAST(${a}, ${b})`,
  forUpdate: " FOR UPDATE",
  keepDuplicates: (column) => ` ON DUPLICATE KEY UPDATE ${column} = ${column}`,
  isIn(column, list) {
    if (list.length === 1) return { text: `${column} = ?`, values: [list[0]!] };
    return { text: `${column} IN (${"?, ".repeat(list.length - 1)}?)`, values: [...list] };
  },
  // A statement takes its time when it begins; its commit becomes visible later.
  feedLagMs: 200,
  isDuplicate: (error) => numberOf(error) === 1062,
  isBadRow(error) {
    const number = numberOf(error);
    return number !== null && BAD_ROW.has(number);
  },
};

/**
 * Too long, out of range, wrong characters, wrong time, packet or row too large, division by zero.
 */
const BAD_ROW = new Set([
  1048, 1118, 1153, 1264, 1265, 1267, 1270, 1271, 1292, 1300, 1301, 1366, 1406, 1411, 1441, 3140, 4025,
]);

function numberOf(error: unknown): number | null {
  const number = (error as { errno?: unknown } | null)?.errno;
  return typeof number === "number" && number > 0 ? number : null;
}
