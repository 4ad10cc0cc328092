import { BlockList, isIP } from "node:net";
import { family, kindOf, plainHost } from "../../../model/network/addresses";
import { isMetadataName, readAllowedHost } from "../../../model/network/allowed-host";

/**
 * Which hosts an HTTP call may reach. The rule, in this order:
 *  1. The host of the URL, and of every redirect, must be on `allow_hosts`: a name or address, with
 *     or without a port (`app.internal`, `10.0.0.7:8080`, `[fd00::7]`), or a network
 *     (`10.0.0.0/8`). Without a port: every port.
 *  2. The address that is really connected to is checked as well, whatever the name resolved to
 *     just then:
 *     - cloud metadata: only if the URL itself names the address, and the list that very address;
 *     - public addresses: yes;
 *     - an address (or its network) that is itself on the list: yes; `localhost` stands for the
 *       loopback addresses of that name;
 *     - private addresses: for internal names only (one label, or .internal, .local, .lan, …), so
 *       that a public name cannot be pointed into the network; for others list the address or
 *       network too;
 *     - loopback, link-local, multicast, reserved: no.
 */
export class HostGuard {
  private readonly entries = new Set<string>();
  private readonly networks = new BlockList();

  /** Throws an Error that names the entry that is none. */
  constructor(allowHosts: readonly string[]) {
    for (const entry of allowHosts) this.add(entry);
  }

  /** Why `url` may not be asked for, or null. A sentence. */
  refusesUrl(url: URL): string | null {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      return `${url.protocol} is not allowed: only http: and https: are.`;
    }
    const host = hostOf(url);
    if (isMetadataName(host))
      return `The host ${url.host} is a cloud's metadata service, which is never called by name.`;
    if (this.names(host, portOf(url)) || this.contains(host)) return null;
    return `The host ${url.host} is not on the list of this type (http.allow_hosts).`;
  }

  /** Why a connection to `address`, found for `host`, may not be made, or null. A sentence. */
  refusesAddress(address: string, host: string, port: number): string | null {
    const [to, from] = [plainHost(address), plainHost(host)];
    const kind = kindOf(to);
    if (kind === "cloud metadata") {
      return to === from && this.names(to, port) ? null : refusal(address, host, kind);
    }
    if (kind === "public" || this.names(to, port) || this.contains(to)) return null;
    if (kind === "private" && isInternalName(from)) return null;
    if (kind === "loopback" && from === "localhost") return null;
    return `${refusal(address, host, kind)} If that is wanted, put the address itself on the list (http.allow_hosts).`;
  }

  private add(entry: string): void {
    let allowed: ReturnType<typeof readAllowedHost>;
    try {
      allowed = readAllowedHost(entry);
    } catch (error) {
      throw new Error(`http.allow_hosts: ${(error as Error).message}.`);
    }
    if ("network" in allowed) this.networks.addSubnet(allowed.network, allowed.bits, family(allowed.network));
    else this.entries.add(allowed.port === null ? allowed.host : `${allowed.host} ${allowed.port}`);
  }

  /** Whether that very host is on the list. */
  private names(host: string, port: number): boolean {
    return this.entries.has(host) || this.entries.has(`${host} ${port}`);
  }

  /** Whether a network on the list contains it. */
  private contains(host: string): boolean {
    return isIP(host) !== 0 && this.networks.check(host, family(host));
  }
}

/** The URL's host as the list knows it: the URL parser has made 127.0.0.1 of 0x7f000001 already. */
export function hostOf(url: URL): string {
  return plainHost(url.hostname);
}

export function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

function refusal(address: string, host: string, kind: string): string {
  return `${host} leads to ${address}, a ${kind} address, which a name on the list does not open.`;
}

const INTERNAL = /\.(internal|local|localdomain|lan|intranet|corp|private|home|home\.arpa|test)$/;

function isInternalName(host: string): boolean {
  return isIP(host) === 0 && host !== "localhost" && (!host.includes(".") || INTERNAL.test(host));
}
