import type { Log } from "../../log";

export interface StoreOptions {
  /**
   * `mysql://user:password@host:port/database`, `mariadb://…`, `sqlite:path` or `sqlite::memory:`.
   */
  uri: string;
  /** Connections, MySQL only. */
  poolSize: number;
  /** After so long a call rejects with StoreUnavailable. */
  deadlineMs: number;
  tls: StoreTls | null;
  log: Log;
  /**
   * SQLite: nobody else may serve from this file meanwhile. False for a short look or change beside
   * a serving process.
   */
  exclusive?: boolean;
}

export interface StoreTls {
  caFile: string | null;
  certFile: string | null;
  keyFile: string | null;
  verify: boolean;
}
