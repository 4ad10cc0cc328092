import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Express } from "express";
import { RESERVED_TYPE_NAMES } from "../model/names";
import type { Api } from "./request/call";
import type { RequestPipeline } from "./request/request-pipeline";
import { Router } from "./request/router";
import { ROUTES } from "./routes";

/**
 * A head within 10 s, a whole request within 30 s, an idle connection 65 s: longer than the proxies
 * in front of us keep theirs, so that it is they who close. Milliseconds and bytes.
 */
export const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
};
const MAX_CONNECTIONS = 10_000;

/** The server, not yet listening. What the table of routes does not have goes to `app`. */
export function createHttpServer(
  api: Api,
  pipeline: RequestPipeline,
  app: Express,
  limits: Partial<typeof LIMITS> = {},
): Server {
  const router = new Router(ROUTES, RESERVED_TYPE_NAMES);
  const server = createServer({ ...LIMITS, ...limits });
  const answer = (req: IncomingMessage, res: ServerResponse) => {
    if (api.draining) res.once("finish", () => setImmediate(() => server.closeIdleConnections()));
    const url = withoutBase(originForm(req.url ?? "/"), api.basePath);
    req.url = url;
    const mark = url.indexOf("?");
    const found = router.find(req.method, mark < 0 ? url : url.slice(0, mark));
    if (found) void pipeline.serve(found, req, res);
    else app(req, res);
  };
  server.maxConnections = MAX_CONNECTIONS;
  server.on("request", answer);
  server.on("clientError", refuseUnreadable);
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
    // A body announced as too long is refused before it is sent.
    if (!(Number(req.headers["content-length"]) > api.config.api.maxBodyBytes)) res.writeContinue();
    answer(req, res);
  });
  return server;
}

/** A request line may name the whole address (RFC 9112, absolute-form), as before a proxy. */
function originForm(url: string): string {
  if (url.startsWith("/")) return url;
  return url.replace(/^https?:\/\/[^/?]*/i, "").replace(/^(?!\/)/, "/");
}

function withoutBase(url: string, basePath: string): string {
  if (basePath === "" || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  return rest === "" ? "/" : rest.startsWith("/") ? rest : rest.startsWith("?") ? `/${rest}` : url;
}

const UNREADABLE: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** What is no HTTP request, or does not come to its end in time. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0 || error.code === "ECONNRESET") return void socket.destroy();
  const status = UNREADABLE[error.code ?? ""] ?? "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
