import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFrom } from "../../src/config/loading/load";
import { silentLog } from "../../src/log";
import { type RunningManager, startManager } from "../../src/manager/manager";
import type { HandleTask } from "../../src/model/handler";
import { startProcess, type TaskerProcess } from "../../src/tasker";
import { checkedFetch } from "./openapi";
import { createDatabase, createVhost, type Scratch } from "./services";

/**
 * The lives of tasker: one process on SQLite; API and managers on MariaDB and RabbitMQ; the same with managers that know the broker
 * alone, and report to the recorder.
 */
export type Mode = "embedded" | "wire" | "recorder";
export const MODES: Mode[] = ["embedded", "wire"];
export const ALL_MODES: Mode[] = [...MODES, "recorder"];

// biome-ignore lint/suspicious/noExplicitAny: answers of the HTTP contract are looked into freely by tests
export type Body = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

/** tasker brought up for a test: its API on a free port, managers started and stopped by name, its own database and vhost. */
export interface TestSystem {
  mode: Mode;
  url: string;
  databaseUri: string;
  brokerUri: string;
  dir: string;
  api: TaskerProcess;
  /** Starts a manager; on the wire in a "process" of its own, with connections of its own. */
  manager(
    endpoint: string,
    functions?: Record<string, HandleTask>,
  ): Promise<{ stop(): Promise<void>; managers: RunningManager[]; healthPort: number | null }>;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Submits, expects 202, and returns the task. */
  submit(type: string, body: object): Promise<Body>;
  /** The task once it is settled (or after 20 s as it is). */
  settled(task: { type: string; id: string }): Promise<Body>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** `task_types` as a config file would say it. */
  types: Record<string, object>;
  /** Further parts of the config. */
  more?: Record<string, object | string>;
  functions?: Record<string, HandleTask>;
  /** Folder of built web pages to serve. */
  uiDir?: string;
}

export async function world(mode: Mode, options: WorldOptions): Promise<TestSystem> {
  const dir = await mkdtemp(join(tmpdir(), "tasker-world-"));
  const scratch: Scratch[] = mode !== "embedded" ? [await createDatabase("world"), await createVhost("world")] : [];
  const databaseUri = scratch[0]?.uri ?? `sqlite:${join(dir, "tasker.db")}`;
  const brokerUri = scratch[1]?.uri ?? "embedded:";
  const { manager: managerMore = {}, api: apiMore = {}, ...rest } = options.more ?? {};
  const config = configFrom({
    task_types: options.types,
    database: { uri: databaseUri },
    broker: { uri: brokerUri, queue_type: "classic" },
    handlers: join(__dirname, "..", "..", "handlers"),
    manager: {
      endpoint: "unused",
      report: mode === "recorder" ? "broker" : "database",
      heartbeat: "500ms",
      ttl: "3s",
      drain_timeout: "5s",
      spool: join(dir, "spool"),
      ...(managerMore as object),
    },
    api: { port: 0, ...(apiMore as object) },
    ...rest,
  });
  const log = silentLog;
  const api = await startProcess({ config, log, api: true, endpoints: [], uiDir: options.uiDir });
  await api.ready;
  const url = api.api!.url;
  const open: Array<{ stop(): Promise<void> }> = [];

  const request: TestSystem["request"] = async (method, path, body, headers = {}) => {
    const { answer: response, text } = await checkedFetch(url, path, {
      method,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const json = response.headers.get("content-type")?.includes("json") && text !== "";
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : null, text };
  };

  return {
    mode,
    url,
    databaseUri,
    brokerUri,
    dir,
    api,
    async manager(endpoint, functions = options.functions) {
      const running = await startOne(mode, api, config, endpoint, functions);
      open.push(running);
      return running;
    },
    request,
    post: (path, body = {}, headers) => request("POST", path, body, headers),
    get: (path, headers) => request("GET", path, undefined, headers),
    async submit(type, body) {
      const answer = await request("POST", `/${type}`, body);
      if (answer.status !== 202) throw new Error(`POST /${type} answered ${answer.status}: ${answer.text}`);
      return answer.body;
    },
    settled: async (task) => (await request("GET", `/${task.type}/${task.id}?wait=20`)).body,
    async close() {
      await Promise.all(open.map((one) => one.stop()));
      await api.close();
      await Promise.all(scratch.map((one) => one.drop()));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startOne(
  mode: Mode,
  api: TaskerProcess,
  config: TaskerProcess["config"],
  endpoint: string,
  functions?: Record<string, HandleTask>,
): ReturnType<TestSystem["manager"]> {
  if (mode !== "embedded") {
    const running = await startProcess({ config, log: silentLog, api: false, endpoints: [endpoint], functions });
    await running.ready;
    return { managers: running.managers, healthPort: running.healthPort, stop: () => running.close() };
  }
  const { transport, store } = api;
  const manager = await startManager({ endpoint, config, store: store.managers, transport, log: silentLog, functions });
  await manager.ready;
  let stopped: Promise<void> | null = null;
  return {
    managers: [manager],
    healthPort: null,
    stop() {
      stopped ??= manager.drain(5000);
      return stopped;
    },
  };
}
