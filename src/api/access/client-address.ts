import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/**
 * Where a request comes from, for limits and the audit trail. Without trusted proxies it is the
 * connection's other end, and `X-Forwarded-For` means nothing: anybody can send it. Each trusted
 * proxy has appended the address that it was asked from.
 */
export class ClientAddress {
  private readonly hops: number;
  private readonly trusted: BlockList | null;

  /** @param trustProxy the number of proxies before us, or their addresses and networks */
  constructor(trustProxy: number | readonly string[]) {
    this.hops = typeof trustProxy === "number" ? trustProxy : Number.POSITIVE_INFINITY;
    this.trusted = typeof trustProxy === "number" ? null : listOf(trustProxy);
  }

  /** Null: the connection is gone already. */
  of(req: IncomingMessage): string | null {
    let address = req.socket.remoteAddress ?? null;
    const header = req.headers["x-forwarded-for"];
    if (header === undefined || address === null) return address;
    const named = (Array.isArray(header) ? header.join(",") : header).split(",");
    for (let hop = 0; hop < this.hops && named.length > 0 && this.trusts(address); hop++) {
      const next = plain(named.pop()!);
      // What is no address was not written by a proxy: the last address is as far as we know.
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  }

  private trusts(address: string): boolean {
    if (this.trusted === null) return true;
    const bare = plain(address);
    return this.trusted.check(bare, isIP(bare) === 6 ? "ipv6" : "ipv4");
  }
}

function listOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of addresses) {
    const [address, bits] = text.split("/") as [string, string?];
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** Without port, brackets, and the way IPv6 writes an IPv4 address. */
function plain(text: string): string {
  const address = text.trim().replace(/^\[([^\]]+)\](?::\d+)?$/, "$1");
  const bare = /^\d+\.\d+\.\d+\.\d+:\d+$/.test(address) ? address.slice(0, address.indexOf(":")) : address;
  return bare.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
