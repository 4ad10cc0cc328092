import type { Log } from "../../log";

export interface StoreOptions {
  /**
   * `mysql://user:password@host:port/database`, `mariadb://…`, `sqlite:path` or `sqlite::memory:`.
   */
  uri: string;
  /** The number of connections; MySQL only. */
  poolSize: number;
  /** A call that takes longer rejects with StoreUnavailable. */
  deadlineMs: number;
  tls: StoreTls | null;
  log: Log;
  /**
   * SQLite: keep other processes from serving this file. False: for a command beside such a
   * process.
   */
  exclusive?: boolean;
}

export interface StoreTls {
  caFile: string | null;
  certFile: string | null;
  keyFile: string | null;
  verify: boolean;
}
