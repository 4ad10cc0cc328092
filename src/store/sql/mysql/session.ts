/**
 * How long a statement waits for a row or a table. One that waits for a lock of the whole server
 * (FLUSH TABLES WITH READ LOCK) gives up by itself too: those that were abandoned at their deadline
 * would add up there.
 */
export const LOCK_WAIT_SECONDS = 5;

/**
 * With which every connection begins; without NO_BACKSLASH_ESCAPES and ANSI_QUOTES, which would
 * turn the driver's escaping into a hole.
 */
export const SESSION = [
  `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}, lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];
