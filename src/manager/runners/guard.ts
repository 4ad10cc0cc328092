import { BlockList, isIP, isIPv6 } from "node:net";

/**
 * Which hosts an HTTP call may reach. The rule, in this order:
 *  1. The host of the URL, and of every redirect, must be on `allow_hosts`: a name or address, with or without a port
 *     (`app.internal`, `10.0.0.7:8080`, `[fd00::7]`), or a network (`10.0.0.0/8`). Without a port: every port.
 *  2. The address that is really connected to is checked as well, whatever the name resolved to just then:
 *     - public addresses: yes;
 *     - an address (or its network) that is itself on the list: yes; `localhost` stands for the loopback addresses of that name;
 *     - private addresses: for internal names only (one label, or .internal, .local, .lan, …), so that a public name cannot be
 *       pointed into the network; for others list the address or network too;
 *     - loopback, link-local, cloud metadata, multicast, reserved: no.
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
    if (this.lists(host, portOf(url))) return null;
    return `The host ${url.host} is not on the list of this type (http.allow_hosts).`;
  }

  /** Why a connection to `address`, found for `host`, may not be made, or null. A sentence. */
  refusesAddress(address: string, host: string, port: number): string | null {
    if (this.lists(plain(address), port)) return null;
    const kind = kindOf(address);
    if (kind === "public") return null;
    if (kind === "private" && isInternalName(plain(host))) return null;
    if (kind === "loopback" && plain(host) === "localhost") return null;
    return (
      `${host} leads to ${address}, a ${kind} address, which a name on the list does not open. ` +
      "If that is wanted, put the address itself on the list (http.allow_hosts)."
    );
  }

  private add(entry: string): void {
    const network = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(entry);
    if (network && isIP(network[1]!)) {
      this.networks.addSubnet(network[1]!, Number(network[2]), isIPv6(network[1]!) ? "ipv6" : "ipv4");
      return;
    }
    const [, name, port] = isIPv6(entry)
      ? [entry, `[${entry}]`]
      : (/^(\[.+\]|[^:/@?#]+)(?::(\d+))?$/.exec(entry) ?? []);
    if (name === undefined || !URL.canParse(`http://${name}`)) {
      throw new Error(`http.allow_hosts: "${entry}" is no host, host:port or network.`);
    }
    const host = hostOf(new URL(`http://${name}`));
    this.entries.add(port === undefined ? host : `${host} ${Number(port)}`);
  }

  private lists(host: string, port: number): boolean {
    if (this.entries.has(host) || this.entries.has(`${host} ${port}`)) return true;
    const version = isIP(host);
    return version !== 0 && this.networks.check(host, version === 6 ? "ipv6" : "ipv4");
  }
}

/** The URL's host as the list knows it: no brackets, no final dot; the URL parser has made 127.0.0.1 of 0x7f000001 already. */
export function hostOf(url: URL): string {
  return plain(url.hostname);
}

export function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

function plain(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
  return isIP(bare) === 6 ? canonical(bare) : bare;
}

const INTERNAL = /\.(internal|local|localdomain|lan|intranet|corp|private|home|home\.arpa|test)$/;

function isInternalName(host: string): boolean {
  return isIP(host) === 0 && host !== "localhost" && (!host.includes(".") || INTERNAL.test(host));
}

const KINDS = {
  loopback: blockList(["127.0.0.0/8", "::1/128"]),
  // 100.100.100.200 and fd00:ec2::/32 are clouds' metadata services, as 169.254.169.254 is.
  "link-local or metadata": blockList(["169.254.0.0/16", "fe80::/10", "100.100.100.200/32", "fd00:ec2::/32"]),
  "reserved or multicast": blockList([
    ...["0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
    ...["224.0.0.0/4", "240.0.0.0/4", "::/128", "100::/64", "2001:db8::/32", "fec0::/10", "ff00::/8"],
  ]),
  private: blockList(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]),
};

export type AddressKind = keyof typeof KINDS | "public";

/** An IPv6 address that only wraps an IPv4 one (mapped, compatible, NAT64, 6to4) is what it wraps. */
export function kindOf(address: string): AddressKind {
  const bare = plain(address.replace(/%.*$/, ""));
  const version = isIP(bare);
  if (version === 0) return "reserved or multicast";
  const own = kindIn(bare, version);
  if (own !== "public" || version === 4) return own;
  const wrapped = wrappedIPv4(bare);
  return wrapped === null ? "public" : kindIn(wrapped, 4);
}

function kindIn(address: string, version: number): AddressKind {
  for (const [kind, list] of Object.entries(KINDS)) {
    if (list.check(address, version === 6 ? "ipv6" : "ipv4")) return kind as AddressKind;
  }
  return "public";
}

function wrappedIPv4(address: string): string | null {
  const groups = groupsOf(address);
  const tail = `${groups[6]! >> 8}.${groups[6]! & 255}.${groups[7]! >> 8}.${groups[7]! & 255}`;
  const zeros = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  if (zeros(0, 5) && (groups[5] === 0xffff || groups[5] === 0)) return tail;
  if (zeros(0, 4) && groups[4] === 0xffff && groups[5] === 0) return tail;
  if (groups[0] === 0x64 && groups[1] === 0xff9b) return tail;
  if (groups[0] === 0x2002) return `${groups[1]! >> 8}.${groups[1]! & 255}.${groups[2]! >> 8}.${groups[2]! & 255}`;
  return null;
}

/** The eight groups of an address in canonical form (which has no dotted tail). */
function groupsOf(address: string): number[] {
  const [left = "", right] = address.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const [start, end] = [parse(left), parse(right ?? "")];
  return right === undefined ? start : [...start, ...Array(8 - start.length - end.length).fill(0), ...end];
}

/** RFC 5952 form, as the URL parser writes it: one spelling for each address. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function blockList(networks: string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, bits] = network.split("/") as [string, string];
    list.addSubnet(address, Number(bits), isIPv6(address) ? "ipv6" : "ipv4");
  }
  return list;
}
