/**
 * How long a statement waits for a lock of a row, a table or the server (FLUSH TABLES WITH READ
 * LOCK). Without a limit, statements abandoned at their deadline would pile up on the server.
 */
export const LOCK_WAIT_SECONDS = 5;

/**
 * Run on each new connection. NO_BACKSLASH_ESCAPES and ANSI_QUOTES would make the driver's escaping
 * unsafe.
 */
export const SESSION = [
  `SET SESSION time_zone = '+00:00',
     innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}, lock_wait_timeout = ${LOCK_WAIT_SECONDS},
     sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];
