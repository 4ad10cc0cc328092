import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import type { HostGuard } from "./guard";

const CONNECT_MS = 10_000;

/** The guard has refused the host or its address; nothing was sent. `message` is a sentence. */
export class HostRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HostRefused";
  }
}

/**
 * An undici Agent that asks the guard at the moment of connecting: the addresses that are checked are those that are connected
 * to, so that a name cannot change between check and use. A connection serves one request and is closed after it.
 */
export function guardedAgent(guard: HostGuard, lookup: LookupFunction = systemLookup as LookupFunction): Agent {
  return new Agent({
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      const host = options.hostname.replace(/^\[|\]$/g, "");
      const port = Number(options.port) || (options.protocol === "https:" ? 443 : 80);
      // A literal address is never looked up, so it is checked here.
      const refused = isIP(host) === 0 ? null : guard.refusesAddress(host, host, port);
      if (refused !== null) return callback(new HostRefused(refused), null);
      buildConnector({ timeout: CONNECT_MS, lookup: checkedLookup(guard, port, lookup) })(options, callback);
    },
  });
}

/** All addresses of a name, or an error if a single one of them is refused. */
function checkedLookup(guard: HostGuard, port: number, lookup: LookupFunction): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, "", 0);
      const addresses = found as unknown as LookupAddress[];
      for (const { address } of addresses) {
        const refused = guard.refusesAddress(address, host, port);
        if (refused !== null) return callback(new HostRefused(refused), "", 0);
      }
      if (options.all) callback(null, addresses);
      else callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}
