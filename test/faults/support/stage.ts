import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { TcpProxy } from "../../support/proxy";
import { TaskerProgram } from "./process";
import { makeVhost, manage, type Servers, sql, withPath } from "./servers";

export { type Servers, servers } from "./servers";

export interface StageOptions {
  /** Settings of the type `work` beside the defaults below. */
  work?: object;
  /** Further types. */
  types?: Record<string, object>;
  /** Parts of the config: `manager`, `api`, `broker`, … */
  more?: Record<string, object>;
}

export interface JournalEntry {
  what: "start" | "end";
  taskId: string;
  endpoint: string;
  attempt: number;
  pid: number;
  /** Milliseconds since 1970. */
  at: number;
}

/** Something that was done to the system on purpose. */
export interface Fault {
  what: string;
  /** Whose executions it may have touched; null: everybody's. */
  endpoint: string | null;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
}

/** Lean where everybody waits for the tests, full in `npm run test:faults`. */
export const lean = <T>(short: T, full: T): T => (process.env.TASKER_FAULTS === "full" ? full : short);

let counter = 0;

/**
 * One scenario's world: an own database and vhost on the given servers, a TCP proxy in front of each, one config file, and
 * real programs started and killed at will.
 */
export class Stage {
  readonly programs: TaskerProgram[] = [];
  readonly faults: Fault[] = [];
  apiPort = 0;

  private constructor(
    readonly servers: Servers,
    readonly dir: string,
    readonly name: string,
    readonly brokerProxy: TcpProxy,
    readonly databaseProxy: TcpProxy,
    readonly env: Record<string, string>,
  ) {}

  static async create(on: Servers, options: StageOptions = {}): Promise<Stage> {
    const name = `t${process.pid}_${++counter}`;
    const dir = join(on.dir, name);
    await mkdir(join(dir, "handlers"), { recursive: true });
    await copyFile(join(__dirname, "handlers-journal.cjs"), join(dir, "handlers", "work.cjs"));
    await sql(on.database.uri, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    await makeVhost(on.broker, name);
    const brokerProxy = await TcpProxy.to(on.broker.uri);
    const databaseProxy = await TcpProxy.to(on.database.uri);
    const { manager = {}, api = {}, broker = {}, database = {}, ...rest } = options.more ?? {};
    const config = {
      task_types: {
        work: {
          concurrency: 4,
          attempts: 3,
          timeout: "60s",
          wait_for_endpoints_timeout: "5s",
          backoff: { first: "200ms", factor: 2, max: "2s" },
          ...options.work,
        },
        ...options.types,
      },
      handlers: join(dir, "handlers"),
      manager: {
        heartbeat: "500ms",
        ttl: "4s",
        drain_timeout: "5s",
        grace: "1s",
        spool: "${TASKER_TEST_SPOOL}",
        slot: "${TASKER_TEST_SLOT:-0}",
        ...manager,
      },
      api: { port: "${TASKER_TEST_PORT:-0}", ...api },
      database: { uri: withPath(databaseProxy.through(on.database.uri), name), ...database },
      broker: { uri: withPath(brokerProxy.through(on.broker.uri), name), queue_type: "classic", ...broker },
      log: { level: "info" },
      ...rest,
    };
    await writeFile(join(dir, "config.yaml"), JSON.stringify(config, null, 2));
    const env = {
      TASKER_MODE: "test",
      TASKER_CONFIG: join(dir, "config.yaml"),
      TASKER_TEST_JOURNAL: join(dir, "journal"),
      TASKER_TEST_SPOOL: join(dir, "spool"),
    };
    return new Stage(on, dir, name, brokerProxy, databaseProxy, env);
  }

  get url(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  /** Starts an API process; the port stays the same over restarts. Waits until it is ready unless told otherwise. */
  async api(env: Record<string, string> = {}, more: { wait?: boolean; node?: string[] } = {}): Promise<TaskerProgram> {
    if (this.apiPort === 0) this.apiPort = await freePort();
    return this.start(["api"], null, { TASKER_TEST_PORT: String(this.apiPort), ...env }, more);
  }

  async manager(
    endpoint: string,
    env: Record<string, string> = {},
    more: { wait?: boolean; node?: string[]; log?: string } = {},
  ): Promise<TaskerProgram> {
    return this.start(["manager", "--endpoint", endpoint], endpoint, env, more);
  }

  private async start(
    args: string[],
    endpoint: string | null,
    env: Record<string, string>,
    { wait = true, node, log }: { wait?: boolean; node?: string[]; log?: string },
  ): Promise<TaskerProgram> {
    const logFile = log ?? join(this.dir, endpoint === null ? "api.log" : `manager-${endpoint}.log`);
    const program = TaskerProgram.start(args, endpoint, { ...this.env, ...env }, logFile, node);
    // Whoever arms a kill point wants the process to die there.
    if (env.TASKER_TEST_KILL) program.dies(() => this.mark(`kill point ${env.TASKER_TEST_KILL}`, endpoint));
    this.programs.push(program);
    if (wait) await program.ready();
    return program;
  }

  /** Notes a fault that is over at once, or until `over` is called. */
  mark(what: string, endpoint: string | null = null): { over(): void } {
    const now = Date.now();
    const fault: Fault = { what, endpoint, from: now, to: now };
    this.faults.push(fault);
    return {
      over: () => {
        fault.to = Date.now();
      },
    };
  }

  /** SIGKILL. */
  async kill(program: TaskerProgram): Promise<void> {
    this.mark(`SIGKILL ${program.endpoint ?? "api"}`, program.endpoint);
    await program.kill();
  }

  /** Does something to everybody and notes it. */
  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    const fault = this.mark(what);
    try {
      return await work();
    } finally {
      fault.over();
    }
  }

  /** What the handlers wrote down. */
  journal(): JournalEntry[] {
    if (!existsSync(this.env.TASKER_TEST_JOURNAL!)) return [];
    return readFileSync(this.env.TASKER_TEST_JOURNAL!, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const [what, taskId, endpoint, attempt, pid, at] = line.split(" ");
        return {
          what: what as "start" | "end",
          taskId: taskId!,
          endpoint: endpoint!,
          attempt: Number(attempt),
          pid: Number(pid),
          at: Number(at),
        };
      });
  }

  started(): number {
    return this.journal().filter((entry) => entry.what === "start").length;
  }

  /** Rows of the scenario's database, past the proxy. */
  rows<T>(query: string): Promise<T[]> {
    return sql<T>(withPath(this.servers.database.uri, this.name), query);
  }

  /** Ready messages and consumers of an endpoint's queue of `work`. */
  async queue(endpoint: string): Promise<{ messages: number; consumers: number }> {
    const text = this.servers.broker.ctl("list_queues", "-p", this.name, "name", "messages", "consumers");
    const line = text.split("\n").find((one) => one.startsWith(`tasker.work.${endpoint}\t`)) ?? "";
    const [, messages, consumers] = line.split("\t");
    return { messages: Number(messages), consumers: Number(consumers) };
  }

  /** An answer of the API as JSON; `status` is HTTP's. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of the HTTP contract are looked into freely
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: any; ms: number }> {
    const began = performance.now();
    const answer = await fetch(this.url + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    const json = answer.headers.get("content-type")?.includes("json") && text !== "";
    return { status: answer.status, body: json ? JSON.parse(text) : text, ms: performance.now() - began };
  }

  /** Kills what still runs and forgets database and vhost. */
  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill()));
    await Promise.all([this.brokerProxy.close(), this.databaseProxy.close()]);
    await sql(this.servers.database.uri, `DROP DATABASE IF EXISTS ${this.name}`).catch(() => undefined);
    await manage(this.servers.broker, "DELETE", `vhosts/${this.name}`).catch(() => undefined);
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
