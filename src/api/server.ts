import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Registry } from "prom-client";
import type { Config } from "../config/config";
import { ConfigError } from "../errors";
import type { Log } from "../log";
import { RESERVED_TYPE_NAMES } from "../model/names";
import type { AccessStore } from "../store/store";
import type { TaskService } from "../tasks/service";
import { Auth } from "./access/auth";
import { ClientAddress } from "./access/client-address";
import { isLoopback } from "./access/guard";
import { RateLimit } from "./access/limit";
import { buildApp } from "./app";
import { Audit } from "./audit";
import { ChangeFeed } from "./feed";
import { ApiMetrics } from "./metrics";
import type { Api } from "./request/call";
import { RequestPipeline } from "./request/request-pipeline";
import { Router } from "./request/router";
import { Streams } from "./request/streams";
import { ROUTES } from "./routes";

export interface ApiOptions {
  config: Config;
  service: TaskService;
  access: AccessStore;
  log: Log;
  /** Where `/metrics` reads from; left out: a registry of its own with the process's default metrics. */
  metrics?: Registry;
  /** Folder of the built web pages, served at `/ui`. */
  uiDir?: string;
  /** Other limits than LIMITS, milliseconds and bytes. */
  limits?: Partial<typeof LIMITS>;
  /** @default 15,000 */
  heartbeatMs?: number;
}

export interface RunningApi {
  /** For people: scheme, host, port and base path. */
  url: string;
  port: number;
  /**
   * Takes no new connections, turns `/readyz` to 503, ends waits and streams, answers what is under way; after `deadlineMs`
   * it cuts what is left. Resolves when no connection remains. Service and store stay the caller's to close.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Drains with no patience. */
  close(): Promise<void>;
}

/**
 * Timeouts: a head within 10 s, a whole request within 30 s, an idle connection 65 s (longer than the proxies in front of
 * us keep theirs, so that it is they who close).
 */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
};
const MAX_CONNECTIONS = 10_000;
const HEARTBEAT_MS = 15_000;

/** Starts the HTTP API. Rejects with ConfigError when it may not listen there, or with the listen error. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, service, access, log } = options;
  const remote = new ClientAddress(config.api.trustProxy);
  const auth = new Auth(config, access, log, isLoopback(config.api.host), remote);
  await refuseOpenAddress(config, auth);
  const api: Api = {
    config,
    service,
    log,
    audit: new Audit(access, log),
    auth,
    feed: new ChangeFeed(service, log),
    metrics: new ApiMetrics(service, options.metrics),
    remote,
    basePath: config.api.basePath.replace(/\/+$/, ""),
    draining: false,
    waiting: new Set(),
    streams: new Streams(),
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
  };
  const rate = config.api.rateLimit ? new RateLimit(config.api.rateLimit) : null;
  const pipeline = new RequestPipeline(api, auth, rate);
  const router = new Router(ROUTES, RESERVED_TYPE_NAMES);
  const app = buildApp(pipeline, options.uiDir);

  const answer = (req: IncomingMessage, res: ServerResponse) => {
    if (api.draining) res.once("finish", () => setImmediate(() => server.closeIdleConnections()));
    const url = withoutBase(originForm(req.url ?? "/"), api.basePath);
    req.url = url;
    const mark = url.indexOf("?");
    const found = router.find(req.method, mark < 0 ? url : url.slice(0, mark));
    if (found) void pipeline.serve(found, req, res);
    else app(req, res);
  };
  const server = createServer({ ...LIMITS, ...options.limits }, answer);
  server.maxConnections = MAX_CONNECTIONS;
  server.on("clientError", refuseUnreadable);
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
    // A body announced as too long is refused before it is sent.
    if (!(Number(req.headers["content-length"]) > config.api.maxBodyBytes)) res.writeContinue();
    answer(req, res);
  });
  await listen(server, config);

  const { port } = server.address() as AddressInfo;
  const drain = async (deadlineMs: number) => {
    if (api.draining) return closed;
    api.draining = true;
    server.close(() => done());
    for (const controller of api.waiting) controller.abort();
    api.feed.close();
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
    await stopped;
    clearTimeout(timer);
    rate?.close();
    await Promise.all([api.audit.close(), auth.close()]);
    finish();
  };
  let done!: () => void;
  const stopped = new Promise<void>((resolve) => {
    done = resolve;
  });
  let finish!: () => void;
  const closed = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { url: `http://${shownHost(config.api.host)}:${port}${api.basePath}`, port, drain, close: () => drain(0) };
}

async function refuseOpenAddress(config: Config, auth: Auth): Promise<void> {
  if (isLoopback(config.api.host) || config.api.keys.length > 0) return;
  // While the store cannot be asked nobody is let in, so listening is safe.
  if (await auth.hasKeys().catch(() => true)) return;
  await auth.close();
  throw new ConfigError([
    `api.host: ${config.api.host} can be reached from other machines, but no API key is configured: add one (api.keys, or npx tasker keys create), or listen on 127.0.0.1`,
  ]);
}

/** A client may name the whole address in its request line (RFC 9112, absolute-form), as those behind a proxy do. */
function originForm(url: string): string {
  if (url.startsWith("/")) return url;
  return url.replace(/^https?:\/\/[^/?]*/i, "").replace(/^(?!\/)/, "/");
}

function withoutBase(url: string, basePath: string): string {
  if (basePath === "" || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  return rest === "" ? "/" : rest.startsWith("/") ? rest : rest.startsWith("?") ? `/${rest}` : url;
}

/** What is no HTTP request, or does not come to its end in time. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0 || error.code === "ECONNRESET") return void socket.destroy();
  const status =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? "408 Request Timeout"
      : error.code === "HPE_HEADER_OVERFLOW"
        ? "431 Request Header Fields Too Large"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function listen(server: Server, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(config.api.port, config.api.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
