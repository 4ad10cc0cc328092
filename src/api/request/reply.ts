import type { IncomingMessage, ServerResponse } from "node:http";
import helmet from "helmet";

/** What a handler answers. */
export interface Reply {
  status: number;
  /** Flat list of names and values: what node writes fastest. */
  headers?: string[];
  body: string;
  contentType?: string;
  /** In place of the Content-Security-Policy of answers that are data. */
  policy?: string;
}

/** An answer that no cache keeps. */
export function noStore(status: number, view: unknown, headers: readonly string[] = []): Reply {
  return { status, headers: ["Cache-Control", "no-store", ...headers], body: JSON.stringify(view) };
}

/** A client may cache this answer but must revalidate it. */
export function noCache(body: string, headers: readonly string[] = []): Reply {
  return { status: 200, headers: ["Cache-Control", "private, no-cache", ...headers], body };
}

export const JSON_TYPE = "application/json; charset=utf-8";
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/**
 * helmet's headers for answers that are data, never a page; the same for each. HSTS is left to
 * whatever ends TLS in front of us.
 */
export const SECURITY_HEADERS: readonly string[] = recordHeaders(
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    xPoweredBy: false,
    xFrameOptions: { action: "deny" },
  }),
);

function recordHeaders(middleware: ReturnType<typeof helmet>): string[] {
  const headers: string[] = [];
  const recorder = { setHeader: (name: string, value: string) => headers.push(name, value), removeHeader: () => {} };
  middleware({} as IncomingMessage, recorder as unknown as ServerResponse, () => {});
  return headers;
}

function withPolicy(policy: string): string[] {
  const at = SECURITY_HEADERS.indexOf("Content-Security-Policy");
  return SECURITY_HEADERS.with(at + 1, policy);
}

/** Writes the whole answer. @param extra headers that every answer of this request carries */
export function send(req: IncomingMessage, res: ServerResponse, reply: Reply, extra: string[], closing: boolean): void {
  if (res.headersSent || res.destroyed) return;
  const early = leavesBodyUnread(req);
  const headers = [
    "Content-Type",
    reply.contentType ?? JSON_TYPE,
    ...(reply.policy === undefined ? SECURITY_HEADERS : withPolicy(reply.policy)),
    ...extra,
    ...(reply.headers ?? []),
  ];
  if (reply.status === 304) headers.splice(0, 2);
  else headers.push("Content-Length", String(Buffer.byteLength(reply.body)));
  if (early || closing) headers.push("Connection", "close");
  res.writeHead(reply.status, headers);
  if (early) linger(req, res, reply.body);
  else res.end(reply.body);
}

/** Reading and dropping a rest of a body up to 64 KiB is cheaper than a new connection. */
const WORTH_DRAINING = 64 * 1024;

function leavesBodyUnread(req: IncomingMessage): boolean {
  if (req.complete) return false;
  const length = req.headers["content-length"];
  return length === undefined ? req.headers["transfer-encoding"] !== undefined : Number(length) > WORTH_DRAINING;
}

const LINGER_MS = 1000;
const LINGER_BYTES = 8 * 1024 * 1024;

/**
 * Answers while the client still sends. Closing at once would make its kernel drop the answer with
 * the connection (unread data means RST). So the answer is sent whole, what still comes is dropped
 * for a moment, and then the connection is closed.
 */
function linger(req: IncomingMessage, res: ServerResponse, body: string): void {
  const close = () => {
    clearTimeout(timer);
    req.socket.destroy();
  };
  const timer = setTimeout(close, LINGER_MS);
  let dropped = 0;
  req.removeAllListeners("data");
  req.on("data", (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > LINGER_BYTES) close();
  });
  req.on("error", close);
  req.once("close", close);
  req.once("end", close);
  res.write(body);
  req.resume();
}
