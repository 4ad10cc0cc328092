import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { TcpProxy } from "../../support/proxy";
import { type PrivateBroker, type PrivateServer, privateBroker, privateDatabase } from "../../support/services";
import { TaskerProgram } from "./process";

/** A private RabbitMQ and MariaDB that scenarios may kill, freeze, wipe and start again; shared by the scenarios of a file. */
export interface Servers {
  broker: PrivateBroker;
  database: PrivateServer;
  dir: string;
  stop(): Promise<void>;
}

export async function servers(): Promise<Servers> {
  const dir = await mkdtemp(join(tmpdir(), "tasker-faults-"));
  const broker = privateBroker(join(dir, "broker"));
  const database = privateDatabase(join(dir, "database"));
  await Promise.all([broker.start(), database.start()]);
  return {
    broker,
    database,
    dir,
    async stop() {
      await Promise.all([broker.stop(), database.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export interface StageOptions {
  /** Settings of the type `work` beside the defaults below. */
  work?: object;
  /** Parts of the config: `manager`, `api`, `broker`, … */
  more?: Record<string, object>;
}

interface JournalEntry {
  what: "start" | "end";
  taskId: string;
  endpoint: string;
  attempt: number;
  at: number;
}

let counter = 0;

/**
 * One scenario's world: an own database and vhost on the given servers, a TCP proxy in front of each, one config file, and
 * real programs started and killed at will.
 */
export class Stage {
  readonly programs: TaskerProgram[] = [];
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
    on.broker.ctl("add_vhost", name);
    on.broker.ctl("set_permissions", "-p", name, new URL(on.broker.uri).username, ".*", ".*", ".*");
    const brokerProxy = await TcpProxy.to(on.broker.uri);
    const databaseProxy = await TcpProxy.to(on.database.uri);
    const { manager = {}, api = {}, broker = {}, ...rest } = options.more ?? {};
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
      },
      handlers: join(dir, "handlers"),
      manager: { heartbeat: "500ms", ttl: "4s", drain_timeout: "5s", spool: join(dir, "spool"), ...manager },
      api: { port: "${TASKER_TEST_PORT:-0}", ...api },
      database: { uri: withPath(databaseProxy.through(on.database.uri), name) },
      broker: { uri: withPath(brokerProxy.through(on.broker.uri), name), queue_type: "classic", ...broker },
      log: { level: "info" },
      ...rest,
    };
    await writeFile(join(dir, "config.yaml"), JSON.stringify(config, null, 2));
    const env = {
      TASKER_MODE: "test",
      TASKER_CONFIG: join(dir, "config.yaml"),
      TASKER_TEST_JOURNAL: join(dir, "journal"),
    };
    return new Stage(on, dir, name, brokerProxy, databaseProxy, env);
  }

  get url(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  /** Starts an API process; the port stays the same over restarts. Waits until it is ready unless told otherwise. */
  async api(env: Record<string, string> = {}, more: { wait?: boolean } = {}): Promise<TaskerProgram> {
    if (this.apiPort === 0) this.apiPort = await freePort();
    return this.start(["api"], { TASKER_TEST_PORT: String(this.apiPort), ...env }, "api", more.wait ?? true);
  }

  async manager(
    endpoint: string,
    env: Record<string, string> = {},
    more: { wait?: boolean; node?: string[] } = {},
  ): Promise<TaskerProgram> {
    return this.start(["manager", "--endpoint", endpoint], env, `manager-${endpoint}`, more.wait ?? true, more.node);
  }

  private async start(
    args: string[],
    env: Record<string, string>,
    log: string,
    wait: boolean,
    node?: string[],
  ): Promise<TaskerProgram> {
    const program = TaskerProgram.start(args, { ...this.env, ...env }, join(this.dir, `${log}.log`), node);
    this.programs.push(program);
    if (wait) await program.ready();
    return program;
  }

  /** What the handlers wrote down. */
  journal(): JournalEntry[] {
    if (!existsSync(this.env.TASKER_TEST_JOURNAL!)) return [];
    return readFileSync(this.env.TASKER_TEST_JOURNAL!, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const [what, taskId, endpoint, attempt, , at] = line.split(" ");
        return {
          what: what as "start" | "end",
          taskId: taskId!,
          endpoint: endpoint!,
          attempt: Number(attempt),
          at: Number(at),
        };
      });
  }

  /** Rows of the scenario's database, past the proxy. */
  rows<T>(query: string): Promise<T[]> {
    return sql<T>(withPath(this.servers.database.uri, this.name), query);
  }

  /** Kills what still runs and forgets database and vhost. */
  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill()));
    await Promise.all([this.brokerProxy.close(), this.databaseProxy.close()]);
    await sql(this.servers.database.uri, `DROP DATABASE IF EXISTS ${this.name}`);
    this.servers.broker.ctl("delete_vhost", this.name);
  }
}

function withPath(uri: string, path: string): string {
  const url = new URL(uri);
  url.pathname = `/${path}`;
  return url.href;
}

async function sql<T>(uri: string, query: string): Promise<T[]> {
  const connection = await createConnection(uri);
  try {
    const [rows] = await connection.query(query);
    return rows as T[];
  } finally {
    await connection.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
