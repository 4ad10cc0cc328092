import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newApiKey } from "../../src/api/access/keys";
import { type ApiOptions, type RunningApi, startApi } from "../../src/api/server";
import type { ApiConfig, Config, TaskTypeConfig } from "../../src/config/config";
import { silentLog } from "../../src/log";
import { newId } from "../../src/model/ids";
import { ANY_ENDPOINT } from "../../src/model/names";
import { openStore } from "../../src/store/sql/open";
import type { AttemptEnd, Store } from "../../src/store/store";
import { assembleTasks, type RunningTasks } from "../../src/tasks/assemble";
import { createEmbeddedTransport } from "../../src/transport/embedded";
import { checkedFetch } from "../support/openapi";

/** A real API over a SQLite file and the embedded transport; what managers would do is done through the store's seam. */

export function taskType(name: string, more: Partial<TaskTypeConfig> = {}): TaskTypeConfig {
  return {
    name,
    deliver: "each",
    endpoints: ["db1", "db2"],
    concurrency: 4,
    timeoutMs: 60_000,
    waitMs: 30_000,
    expiresMs: null,
    keepMs: null,
    attempts: 3,
    backoff: { firstMs: 1000, factor: 2, maxMs: 10_000 },
    isolation: "process",
    reuse: true,
    claim: "first",
    priority: 0,
    payloadSchema: null,
    singleRun: false,
    legacyGet: false,
    jobs: [],
    submits: null,
    performer: { kind: "module", handler: name },
    ...more,
  };
}

export const TYPES = [
  taskType("app-update"),
  taskType("other"),
  taskType("fetch", { deliver: "one", endpoints: ["db1"] }),
  taskType("checked", {
    payloadSchema: { type: "object", properties: { host: { type: "string" } }, required: ["host"] },
  }),
  taskType("nightly", { singleRun: true, endpoints: ["db1"], jobs: ["crawl", "sync"] }),
  taskType("weekly", { singleRun: true, endpoints: ["db1"], jobs: ["crawl", "sync"] }),
  taskType("old", { singleRun: true, legacyGet: true, endpoints: ["db1"] }),
];

function configFor(dir: string, api: Partial<ApiConfig>): Config {
  return {
    runMode: "test",
    file: null,
    handlersDir: join(dir, "handlers"),
    taskTypes: Object.fromEntries(TYPES.map((type) => [type.name, type])),
    api: {
      host: "127.0.0.1",
      port: 0,
      maxBodyBytes: 100_000,
      waitMs: 30_000,
      maxWaitMs: 60_000,
      keys: [],
      keyInUrl: false,
      trustProxy: 0,
      rateLimit: null,
      outboxLimit: 100_000,
      maxResultBytes: 1_000_000,
      drainMs: 1000,
      basePath: "",
      ...api,
    },
    manager: {
      endpoints: [],
      labels: {},
      report: "database",
      types: null,
      drainMs: 1000,
      heartbeatMs: 5000,
      ttlMs: 30_000,
      graceMs: 1000,
      maxResultBytes: 1_000_000,
      maxLogBytes: 100_000,
      spoolDir: join(dir, "spool"),
      slot: "0",
      host: "127.0.0.1",
      port: null,
    },
    database: { adminUri: null, uri: `sqlite:${join(dir, "tasker.db")}`, poolSize: 4, deadlineMs: 5000, tls: null },
    broker: { uri: "embedded:", queueType: "classic", heartbeat: 10, tls: null },
    rabbitmq: null,
    log: { level: "silent", pretty: false },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
export type Body = any;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: Body;
}

export interface TestApi {
  config: Config;
  store: Store;
  tasks: RunningTasks;
  api: RunningApi;
  /** A request with a JSON body, where one is given. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Creates a task and returns it. */
  create(type?: string, request?: Record<string, unknown>): Promise<Body>;
  /** What a manager at the endpoint would do: claim the task (or its job) and, unless `end` is null, end the attempt so. */
  perform(task: Body, endpoint: string, end?: Partial<AttemptEnd> | null, job?: string): Promise<void>;
  /** A stored key; returns its text. */
  key(scopes: string[], types?: string[] | null, expiresAt?: string | null): Promise<string>;
  stop(storeClosed?: boolean): Promise<void>;
}

export async function startTestApi(
  api: Partial<ApiConfig> = {},
  more: Partial<Pick<ApiOptions, "uiDir" | "limits" | "log" | "heartbeatMs">> = {},
): Promise<TestApi> {
  const dir = mkdtempSync(join(tmpdir(), "tasker-api-"));
  const config = configFor(dir, api);
  const store = await openStore({ ...config.database, exclusive: true, log: silentLog });
  await store.migrate();
  const transport = createEmbeddedTransport({ log: silentLog });
  await transport.open(1000);
  const tasks = assembleTasks({ config, store, transport, log: silentLog });
  await tasks.start();
  const stopRest = async (storeClosed = false) => {
    await tasks.stop();
    await transport.close(1000);
    if (!storeClosed) await store.close();
    rmSync(dir, { recursive: true, force: true });
  };
  const options = { config, service: tasks.service, access: store.access, log: silentLog, ...more };
  const running = await startApi(options).catch(async (error) => {
    await stopRest();
    throw error;
  });
  const manager = newId();
  const known = new Set<string>();

  const call: TestApi["call"] = async (method, path, body, headers = {}) => {
    const { answer, text } = await checkedFetch(running.url, path, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      redirect: "manual",
    });
    const json = /json/.test(answer.headers.get("content-type") ?? "") && text !== "";
    return { status: answer.status, headers: answer.headers, text, body: json ? JSON.parse(text) : null };
  };

  return {
    config,
    store,
    tasks,
    api: running,
    call,
    async create(type = "app-update", request = {}) {
      const answer = await call("POST", `/${type}`, { identifier: newId(), ...request });
      if (answer.status !== 202) throw new Error(`not created: ${answer.status} ${answer.text}`);
      return answer.body;
    },
    async perform(task, endpoint, end = {}, job = "") {
      const id = `${manager.slice(0, -12)}${Buffer.from(endpoint.padEnd(6, "0").slice(0, 6)).toString("hex")}`;
      if (!known.has(endpoint)) {
        await store.managers.register({
          id,
          endpoint,
          labels: { role: "test" },
          types: TYPES.map((type) => type.name),
          version: "0.0.0",
          host: "testhost",
          pid: process.pid,
          slot: "0",
          ttlMs: 60_000,
        });
        known.add(endpoint);
      }
      const [answer] = await store.managers.claim(id, endpoint, [{ taskId: task.id, job }]);
      if (!answer?.granted) throw new Error(`not granted: ${JSON.stringify(answer)}`);
      if (end === null) return;
      const { leaseId, generation, attempt } = answer;
      const [ended] = await store.managers.finish([
        {
          taskId: task.id,
          endpoint: answer.endpoint === ANY_ENDPOINT ? ANY_ENDPOINT : endpoint,
          job,
          leaseId,
          generation,
          attempt,
          status: "succeeded",
          reason: null,
          error: null,
          result: null,
          resultText: null,
          ...end,
        },
      ]);
      if (ended?.kind !== "recorded") throw new Error(`not recorded: ${JSON.stringify(ended)}`);
    },
    async key(scopes, types = null, expiresAt = null) {
      const { id, text, hash } = newApiKey();
      await store.access.addKey({ id, name: `key-${id}`, hash, scopes, types, expiresAt });
      return text;
    },
    async stop(storeClosed) {
      await running.close();
      await stopRest(storeClosed);
    },
  };
}

/** Writes bytes as they are on a socket of its own and collects all that comes until the server closes it. */
export function rawRequest(port: number, ...parts: Array<string | Buffer>): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    let received = "";
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      received += text;
    });
    socket.on("error", () => resolve(received));
    socket.on("close", () => resolve(received));
    for (const part of parts) socket.write(part);
  });
}
