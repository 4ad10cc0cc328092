import { readFileSync } from "node:fs";
import type { PoolOptions, SslOptions } from "mysql2";
import type { StoreTls } from "./options";

/** Waiting calls beyond this are turned away at once. */
const MAX_WAITING = 1000;

/**
 * The pool's options from `mysql://user:password@host:port/database?ssl-mode=…`. With `tls` the connection is encrypted and,
 * unless told otherwise, the server's certificate and name are checked; `ssl-mode` takes MySQL's own words for the same.
 */
export function poolOptions(
  uri: string,
  more: { poolSize: number; deadlineMs: number; tls: StoreTls | null },
): PoolOptions {
  const url = new URL(uri);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === "")
    throw new Error("The database's URI names no database: write mysql://user:password@host:3306/database.");
  const socketPath = url.searchParams.get("socket");
  return {
    ...(socketPath
      ? { socketPath }
      : { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? 3306 : Number(url.port) }),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    charset: "utf8mb4",
    timezone: "Z",
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
    multipleStatements: false,
    // A server must never be able to ask for this machine's files.
    flags: ["-LOCAL_FILES"],
    connectionLimit: more.poolSize,
    waitForConnections: true,
    queueLimit: MAX_WAITING,
    connectTimeout: Math.max(1000, Math.min(10_000, more.deadlineMs)),
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    ssl: more.tls ? tlsOptions(more.tls) : sslMode(url.searchParams.get("ssl-mode")),
  };
}

function tlsOptions(tls: StoreTls): SslOptions {
  const read = (file: string | null) => (file === null ? undefined : readFileSync(file, "utf8"));
  return {
    ca: read(tls.caFile),
    cert: read(tls.certFile),
    key: read(tls.keyFile),
    rejectUnauthorized: tls.verify,
    verifyIdentity: tls.verify,
    minVersion: "TLSv1.2",
  };
}

function sslMode(mode: string | null): SslOptions | undefined {
  switch (mode?.toLowerCase().replaceAll("_", "-")) {
    case undefined:
    case "disabled":
      return undefined;
    case "required":
      return { rejectUnauthorized: false, minVersion: "TLSv1.2" };
    case "verify-ca":
      return { rejectUnauthorized: true, minVersion: "TLSv1.2" };
    case "verify-identity":
      return { rejectUnauthorized: true, verifyIdentity: true, minVersion: "TLSv1.2" };
    default:
      throw new Error(
        `ssl-mode=${mode} in the database's URI is unknown: use disabled, required, verify_ca or verify_identity.`,
      );
  }
}
