import { isIP, isIPv6 } from "node:net";
import { plainHost } from "./addresses";

/** An entry of `http.allow_hosts`: a host, for every port (null) or for one; or a network. */
export type AllowedHost = { host: string; port: number | null } | { network: string; bits: number };

/** Names of clouds' metadata services, which no call may reach and no list may name. */
const METADATA_NAMES = new Set([
  ...["metadata.google.internal", "metadata.goog", "metadata.azure.internal", "instance-data.ec2.internal"],
  ...["metadata.tencentyun.com", "metadata.platformequinix.com"],
]);

export function isMetadataName(host: string): boolean {
  return METADATA_NAMES.has(host);
}

/** Parses `app.internal`, `10.0.0.7:80`, `[fd00::7]:90`, `10.0.0.0/8`. Throws Error. */
export function readAllowedHost(entry: string): AllowedHost {
  const fault = (why: string) => new Error(`"${entry}" ${why}`);
  if (entry.includes("*")) {
    throw fault("is a pattern, which this list does not know; write each host, or a network such as 10.0.0.0/8");
  }
  if (entry.includes("://")) throw fault("is a URL; write its host only, with or without a port");
  if (entry.includes("%"))
    throw fault("names a zone or an escape, which no host of a URL has; write the host without it");
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(entry);
  if (network && isIP(network[1]!)) {
    const [bits, most] = [Number(network[2]), isIPv6(network[1]!) ? 128 : 32];
    if (bits > most) throw fault(`is no network: the number after "/" is at most ${most} here`);
    return { network: network[1]!, bits };
  }
  const [, name, digits] = isIPv6(entry)
    ? [entry, `[${entry}]`]
    : (/^(\[.+\]|[^:/@?#[\]]+)(?::(\d+))?$/.exec(entry) ?? []);
  if (name === undefined || !URL.canParse(`http://${name}`)) throw fault("is no host, host:port or network");
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) throw fault("has no port that exists; ports are 1 to 65535");
  return { host: readHost(name, fault), port };
}

function readHost(name: string, fault: (why: string) => Error): string {
  const host = plainHost(new URL(`http://${name}`).hostname);
  if (isIP(host) === 4 && host !== plainHost(name)) {
    throw fault(`is another spelling of the address ${host}; write it so, if that is meant`);
  }
  if (isIP(host) === 0 && (host.length > 253 || !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host))) {
    throw fault("is no name of a host: labels of letters, digits and `-`, with dots between them");
  }
  if (isMetadataName(host)) throw fault("is a cloud's metadata service, which HTTP calls never reach by name");
  return host;
}
