import type { IncomingMessage } from "node:http";
import { TaskerError } from "../../errors";
import { isLoopback } from "../../model/network/addresses";

/**
 * Keeps a web page in a person's browser from using this API without that person's knowledge. It
 * can send requests to 127.0.0.1, but it can hide neither the host name that it was loaded under
 * nor that it is another site.
 */

const USUAL = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;
const HOST = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d+)?$/i;

/** Without keys only a loopback name is answered: a name rebound to 127.0.0.1 is another one. */
export function checkHost(req: IncomingMessage): void {
  const host = req.headers.host ?? "";
  if (USUAL.test(host)) return;
  const name = HOST.exec(host)?.[1];
  if (name !== undefined && isLoopback(name)) return;
  throw new TaskerError(
    "forbidden",
    "Without API keys only requests to localhost, 127.0.0.1 or [::1] are answered: use one of these names, or configure a key",
  );
}

/** Refuses what a page of another site makes a browser send. Programs send neither header. */
export function checkOrigin(req: IncomingMessage): void {
  const site = req.headers["sec-fetch-site"];
  if (site !== undefined) {
    if (site === "same-origin" || site === "none") return;
  } else {
    const origin = req.headers.origin;
    if (origin === undefined || sameHost(origin, req.headers.host)) return;
  }
  throw new TaskerError("forbidden", "A page of another site may not change anything here");
}

function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}
