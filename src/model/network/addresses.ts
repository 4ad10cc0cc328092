import { BlockList, isIP, isIPv6 } from "node:net";

/**
 * Cloud services that give secrets to any process of the machine: AWS (its containers too: 170.2,
 * 170.23), Google, Azure, OpenStack and most others at 169.254.169.254; Azure's wire server;
 * Alibaba, Oracle, Tencent, Scaleway.
 */
const METADATA = [
  ...["169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "169.254.0.23/32", "169.254.42.42/32"],
  ...["168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"],
  ...["fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128", "fe80::a9fe:a9fe/128"],
];

const KINDS = {
  "cloud metadata": blockList(METADATA),
  loopback: blockList(["127.0.0.0/8", "::1/128"]),
  "link-local": blockList(["169.254.0.0/16", "fe80::/10"]),
  "reserved or multicast": blockList([
    ...["0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
    ...["224.0.0.0/4", "240.0.0.0/4", "::/128", "100::/64", "2001:db8::/32", "fec0::/10", "ff00::/8"],
  ]),
  private: blockList(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]),
};

export type AddressKind = keyof typeof KINDS | "public";

/** An IPv6 address that wraps an IPv4 one (mapped, NAT64, 6to4) is of the kind of that one. */
export function kindOf(address: string): AddressKind {
  const bare = plainHost(address);
  const version = isIP(bare);
  if (version === 0) return "reserved or multicast";
  const own = kindIn(bare, version);
  if (own !== "public" || version === 4) return own;
  const wrapped = wrappedIPv4(bare);
  return wrapped === null ? "public" : kindIn(wrapped, 4);
}

/**
 * Whether a host is this machine alone, whatever the network is like. An IPv4 address in an IPv6
 * one that a gateway unwraps (NAT64, 6to4) is not: `kindOf` says where it may lead.
 */
export function isLoopback(host: string): boolean {
  const bare = plainHost(host);
  return bare === "localhost" || (isIP(bare) !== 0 && KINDS.loopback.check(bare, family(bare)));
}

/** One spelling for each host: lower case, no brackets, no final dot, no zone (`%eth0`). */
export function plainHost(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
  if (isIP(bare) !== 6) return bare;
  // The URL parser writes RFC 5952's form. It has no zones.
  return new URL(`http://[${bare.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
}

export function family(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
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

/** The eight groups of an address in canonical form, which has no dotted tail. */
function groupsOf(address: string): number[] {
  const [left = "", right] = address.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const [start, end] = [parse(left), parse(right ?? "")];
  return right === undefined ? start : [...start, ...Array(8 - start.length - end.length).fill(0), ...end];
}

function blockList(networks: string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, bits] = network.split("/") as [string, string];
    list.addSubnet(address, Number(bits), family(address));
  }
  return list;
}
