import type { HostGuard } from "./guard";
import { type HttpAnswer, readAnswer } from "./http-answer";
import { type Connect, HostRefused } from "./http-connect";
import { locationsOf, type RawHeaders } from "./http-headers";
import { type HttpRequest, redirected } from "./http-request";
import { type Exchange, send } from "./http-send";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A redirect that leads nowhere. `message` is a sentence. */
export class BadRedirect extends Error {}
/** A redirect beyond `max_redirects`. `message` is a sentence. */
export class TooManyRedirects extends Error {}

export interface FollowOptions {
  guard: HostGuard;
  connect: Connect;
  limits: { maxRedirects: number; maxBodyBytes: number; maxResultBytes: number; successStatuses: readonly number[] };
  signal: AbortSignal;
  log(text: string): void;
}

/** The answer at the end of all redirects, and the request that it answers. */
export interface Followed {
  request: HttpRequest;
  status: number;
  rawHeaders: RawHeaders;
  answer: HttpAnswer;
}

/**
 * Sends `first` and follows redirects; each hop is held against the guard and has a connection of
 * its own.
 */
export async function follow(first: HttpRequest, options: FollowOptions): Promise<Followed> {
  const { guard, connect, limits, signal, log } = options;
  const startedAt = performance.now();
  let request = first;
  for (let redirects = 0; ; redirects++) {
    const refused = guard.refusesUrl(request.url);
    if (refused !== null) throw new HostRefused(refused);
    const exchange = await send(request, connect, signal);
    try {
      const { status, rawHeaders } = exchange;
      log(`${request.method} ${request.url.origin}${request.url.pathname} answered ${status}\n`);
      const next = nextOf(request, exchange, limits);
      if (next === null) {
        const answer = await readAnswer(exchange, { request, redirects, startedAt }, limits);
        return { request, status, rawHeaders, answer };
      }
      if (redirects === limits.maxRedirects) {
        throw new TooManyRedirects(`Gave up after ${redirects} redirects (http.max_redirects).`);
      }
      request = next;
    } finally {
      exchange.close();
    }
  }
}

/** The next request of a redirect; null: no redirect, or not an allowed one. */
function nextOf(
  request: HttpRequest,
  { status, rawHeaders }: Exchange,
  { maxRedirects, successStatuses }: FollowOptions["limits"],
): HttpRequest | null {
  if (!REDIRECTS.has(status) || maxRedirects === 0 || successStatuses.includes(status)) return null;
  const locations = locationsOf(rawHeaders);
  if (locations.length === 0) return null;
  if (locations.length > 1) {
    throw new BadRedirect(`The redirect of ${request.url.origin} names ${locations.length} places to go to.`);
  }
  const next = redirected(request, status, locations[0]!);
  if (next === null) throw new BadRedirect(`The redirect of ${request.url.origin} leads nowhere usable.`);
  return next;
}
