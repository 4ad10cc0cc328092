import type { PoolOptions } from "mysql2";
import type { StoreTls } from "../options";
import { socketFor, sslOptions } from "./tls";

/** The most calls that wait for a connection; further ones are rejected at once. */
const MAX_WAITING = 1000;

/** The pool's options from `mysql://user:password@host:port/database?ssl-mode=…`. */
export function poolOptions(
  uri: string,
  more: { poolSize: number; deadlineMs: number; tls: StoreTls | null },
): PoolOptions {
  const url = new URL(uri);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === "")
    throw new Error("The database's URI names no database: write mysql://user:password@host:3306/database.");
  const socketPath = url.searchParams.get("socket");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 3306 : Number(url.port);
  const ssl = sslOptions(url, more.tls);
  return {
    ...(socketPath ? { socketPath } : { host, port, stream: socketFor(host, port, ssl) }),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    charset: "utf8mb4",
    timezone: "Z",
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
    multipleStatements: false,
    // Do not let a server read this machine's files.
    flags: ["-LOCAL_FILES"],
    connectionLimit: more.poolSize,
    waitForConnections: true,
    queueLimit: MAX_WAITING,
    connectTimeout: Math.max(1000, Math.min(10_000, more.deadlineMs)),
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    ssl,
  };
}
