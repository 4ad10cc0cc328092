import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

export interface ManagerChecks {
  /** The checks of `/readyz`; ready when all are ok. */
  checks(): Promise<Record<string, { ok: boolean; [more: string]: unknown }>>;
  registry: Registry;
}

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * `/livez`, `/readyz` and `/metrics` of a process without an API, on `manager.port`. It requires no
 * key: it shows counts and names only, and listens on loopback unless the config says otherwise.
 */
export async function startMetricsServer(host: string, port: number, parts: ManagerChecks): Promise<MetricsServer> {
  const server = createServer((req, res) => {
    const path = req.url?.split("?")[0];
    const answer = (status: number, type: string, body: string) => {
      res.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
      res.end(req.method === "HEAD" ? "" : body);
    };
    const json = (status: number, body: object) => answer(status, "application/json", JSON.stringify(body));
    const failed = (error: Error) => json(500, { status: "failed", detail: error.message });
    if (req.method !== "GET" && req.method !== "HEAD") return json(405, { status: "only GET" });
    if (path === "/livez") return json(200, { status: "alive" });
    if (path === "/readyz") {
      return void parts.checks().then((checks) => {
        const ready = Object.values(checks).every((check) => check.ok);
        json(ready ? 200 : 503, { status: ready ? "ready" : "not_ready", ready, checks });
      }, failed);
    }
    if (path === "/metrics") {
      const { registry } = parts;
      return void registry.metrics().then((text) => answer(200, registry.contentType, text), failed);
    }
    json(404, { status: "not found: /livez, /readyz, /metrics" });
  });
  server.headersTimeout = 10_000;
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}
