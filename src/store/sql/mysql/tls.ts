import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import type { SslOptions } from "mysql2";
import type { StoreTls } from "../options";

/**
 * The driver's `ssl` for a connection. With `tls` it is encrypted and, unless told otherwise, the
 * server's certificate and name are checked; else the URI's `ssl-mode` decides, in MySQL's own
 * words. Throws when a file cannot be read or the word is unknown.
 */
export function sslOptions(uri: URL, tls: StoreTls | null): SslOptions | undefined {
  return tls ? tlsOptions(tls) : sslMode(uri.searchParams.get("ssl-mode"));
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

/**
 * The driver checks a certificate against the host's name, but for an address against `localhost`:
 * it hands on no name then. Node's TLS takes the name from the socket where it is told none, so an
 * address gets a socket that knows it. Undefined: the driver's own will do.
 */
export function socketFor(host: string, port: number, ssl: SslOptions | undefined): (() => Socket) | undefined {
  if (!ssl?.verifyIdentity || isIP(host) === 0) return undefined;
  return () => {
    const socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: 10_000, noDelay: true });
    return Object.assign(socket, { _host: host });
  };
}
