import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import type { SslOptions } from "mysql2";
import type { StoreTls } from "../options";

/**
 * The driver's `ssl` option. With `tls` the connection is encrypted, and `verify` checks the
 * server's certificate and name. Without it the URI's `ssl-mode` decides, with MySQL's values.
 * Throws if a file cannot be read or the mode is unknown.
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
 * For an address the driver passes no name to TLS, which then checks the certificate for
 * `localhost`. TLS takes a missing name from the socket, so this socket has the address. Undefined:
 * a host name.
 */
export function socketFor(host: string, port: number, ssl: SslOptions | undefined): (() => Socket) | undefined {
  if (!ssl?.verifyIdentity || isIP(host) === 0) return undefined;
  return () => {
    const socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: 10_000, noDelay: true });
    return Object.assign(socket, { _host: host });
  };
}
