import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Config } from "../config/config";
import { ConfigError } from "../errors";
import type { Log } from "../log";
import { isLoopback } from "../model/network/addresses";
import type { AccessStore } from "../store/store";
import type { TaskService } from "../tasks/tasks";
import { Auth } from "./access/auth";
import { ClientAddress } from "./access/client-address";
import { RateLimit } from "./access/limit";
import { buildApp } from "./app";
import { Audit } from "./audit";
import { ChangeFeed } from "./feed";
import { createHttpServer, type LIMITS } from "./http-server";
import { ApiMetrics } from "./metrics";
import { ApiDocs } from "./openapi/docs";
import type { Api } from "./request/call";
import { RequestPipeline } from "./request/request-pipeline";
import { Streams } from "./request/streams";

export interface ApiOptions {
  config: Config;
  service: TaskService;
  access: AccessStore;
  log: Log;
  /** Where `/metrics` reads from; left out: its own registry with the process's default metrics. */
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
   * Takes no new connections, turns `/readyz` to 503, ends waits and streams, answers what is under
   * way; after `deadlineMs` it cuts what is left. Resolves when no connection remains. Service and
   * store stay the caller's to close.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Drains with no patience. */
  close(): Promise<void>;
}

const HEARTBEAT_MS = 15_000;

/** Starts the HTTP API. Rejects with ConfigError when it may not listen, or the listen error. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, service, access, log } = options;
  const { host, trustProxy, rateLimit } = config.api;
  const basePath = config.api.basePath.replace(/\/+$/, "");
  const clientAddress = new ClientAddress(trustProxy);
  const auth = new Auth(config, access, log, isLoopback(host), clientAddress);
  await refuseOpenAddress(config, auth);
  const api: Api = {
    ...{ config, service, log, auth, clientAddress, basePath },
    audit: new Audit(access, log),
    feed: new ChangeFeed(service, log),
    metrics: new ApiMetrics(service, options.metrics),
    docs: new ApiDocs(basePath),
    draining: false,
    waiting: new Set(),
    streams: new Streams(),
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
  };
  const rate = rateLimit && new RateLimit(rateLimit);
  const pipeline = new RequestPipeline(api, rate);
  const server = createHttpServer(api, pipeline, buildApp(pipeline, options.uiDir), options.limits);
  await listen(server, config);
  const { port } = server.address() as AddressInfo;
  return new ListeningApi(api, rate, server, `http://${shownHost(host)}:${port}${basePath}`, port);
}

class ListeningApi implements RunningApi {
  private drained: Promise<void> | null = null;

  constructor(
    private readonly api: Api,
    private readonly rate: RateLimit | null,
    private readonly server: Server,
    readonly url: string,
    readonly port: number,
  ) {}

  drain(deadlineMs: number): Promise<void> {
    this.drained ??= this.end(deadlineMs);
    return this.drained;
  }

  close(): Promise<void> {
    return this.drain(0);
  }

  private async end(deadlineMs: number): Promise<void> {
    const { api, server } = this;
    api.draining = true;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const controller of api.waiting) controller.abort();
    api.feed.close();
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
    await closed;
    clearTimeout(timer);
    this.rate?.close();
    await Promise.all([api.audit.close(), api.auth.close()]);
  }
}

async function refuseOpenAddress(config: Config, auth: Auth): Promise<void> {
  if (isLoopback(config.api.host) || config.api.keys.length > 0) return;
  // Without the store every request is refused, so listening is safe.
  if (await auth.hasKeys().catch(() => true)) return;
  await auth.close();
  throw new ConfigError([
    `api.host: ${config.api.host} can be reached from other machines, but no API key is configured: add one (api.keys, or npx tasker keys create), or listen on 127.0.0.1`,
  ]);
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
