import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { connect as connectPlain, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type HostGuard, hostOf, portOf } from "./guard";

const CONNECT_MS = 10_000;

/** The guard has refused the host or its address; nothing was sent. `message` is a sentence. */
export class HostRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HostRefused";
  }
}

/**
 * Makes the connection to a URL's host, or throws HostRefused. The socket may end with HostRefused
 * as well.
 */
export type Connect = (url: URL) => Socket;

/**
 * Asks the guard at the moment of connecting: the addresses that are checked are those that are
 * connected to, so that a name cannot change between check and use.
 */
export function guardedConnect(guard: HostGuard, lookup: LookupFunction = systemLookup as LookupFunction): Connect {
  return (url) => {
    const secure = url.protocol === "https:";
    const [host, port] = [url.hostname.replace(/^\[|\]$/g, ""), portOf(url)];
    // A literal address is never looked up, so it is checked here.
    const refused = isIP(host) === 0 ? null : guard.refusesAddress(host, host, port);
    if (refused !== null) throw new HostRefused(refused);
    const where = { host, port, lookup: checkedLookup(guard, port, lookup) };
    const servername = isIP(host) === 0 ? hostOf(url) : "";
    const socket = secure
      ? connectTls({ ...where, servername, ALPNProtocols: ["http/1.1"] })
      : connectPlain({ ...where, noDelay: true });
    const timer = setTimeout(() => socket.destroy(tooSlow(host, port)), CONNECT_MS);
    for (const event of [secure ? "secureConnect" : "connect", "close"]) socket.once(event, () => clearTimeout(timer));
    return socket;
  };
}

function tooSlow(host: string, port: number): Error {
  const error = new Error(`no connection to ${host}, port ${port}, within ${CONNECT_MS / 1000} s`);
  return Object.assign(error, { code: "ETIMEDOUT" });
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
