import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { TaskerProgram } from "./process";

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
  /** The process whose child the handler process was at that moment; null where that is not told. */
  parent: number | null;
}

/** Something that was done to the system on purpose. */
export interface Fault {
  what: string;
  /** Whose executions it may have touched; null: everybody's. */
  endpoint: string | null;
  /** The process that it ended; null: none, or several. */
  pid: number | null;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
}

/** Lean where everybody waits for the tests, full in `npm run test:faults`. */
export const isFull = process.env.TASKER_FAULTS === "full";
export const lean = <T>(short: T, full: T): T => (isFull ? full : short);

/** What scenarios of every mode have in common: a folder with a config and a journal, programs, faults, and an API to ask. */
export abstract class Scenario {
  readonly programs: TaskerProgram[] = [];
  readonly faults: Fault[] = [];
  readonly env: Record<string, string>;
  apiPort = 0;
  /** When the last program of each endpoint that was started after a fault was ready; milliseconds since 1970. */
  private readonly back = new Map<string | null, number>();

  protected constructor(readonly dir: string) {
    this.env = {
      TASKER_MODE: "test",
      TASKER_CONFIG: join(dir, "config.yaml"),
      TASKER_TEST_JOURNAL: join(dir, "journal"),
      TASKER_TEST_SPOOL: join(dir, "spool"),
    };
  }

  /** Rows of the scenario's database. */
  abstract rows<T>(query: string): Promise<T[]>;

  get url(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  /** Starts a program; one that serves HTTP keeps its port over restarts. Waits until it is ready unless told otherwise. */
  protected async start(
    args: string[],
    endpoint: string | null,
    env: Record<string, string>,
    { wait = true, node, log }: { wait?: boolean; node?: string[]; log?: string } = {},
  ): Promise<TaskerProgram> {
    if (endpoint === null && this.apiPort === 0) this.apiPort = await freePort();
    const all = { ...this.env, ...(endpoint === null ? { TASKER_TEST_PORT: String(this.apiPort) } : {}), ...env };
    const logFile = log ?? join(this.dir, endpoint === null ? `${args[0]}.log` : `manager-${endpoint}.log`);
    const program = TaskerProgram.start(args, endpoint, all, logFile, node);
    // Whoever arms a kill point wants the process to die there.
    if (env.TASKER_TEST_KILL) program.dies(() => this.mark(`kill point ${env.TASKER_TEST_KILL}`, endpoint));
    this.programs.push(program);
    this.spawned(program);
    if (wait) await program.ready();
    if (wait && this.faults.length > 0) this.back.set(endpoint, Date.now());
    return program;
  }

  protected spawned(_program: TaskerProgram): void {}

  /** When the last fault was over and the last program was back, milliseconds since 1970; 0: there was no fault. */
  get healedAt(): number {
    return Math.max(0, ...this.back.values(), ...this.faults.map((fault) => fault.to));
  }

  /** When the endpoint's manager was back, milliseconds since 1970. */
  backAt(endpoint: string): number {
    return this.back.get(endpoint) ?? 0;
  }

  /** Notes a fault that is over at once, or until `over` is called. */
  mark(what: string, endpoint: string | null = null, pid: number | null = null): { over(): void } {
    const now = Date.now();
    const fault: Fault = { what, endpoint, pid, from: now, to: now };
    this.faults.push(fault);
    return {
      over: () => {
        fault.to = Date.now();
      },
    };
  }

  /** SIGKILL. */
  async kill(program: TaskerProgram): Promise<void> {
    this.mark(`SIGKILL ${program.endpoint ?? "api"}`, program.endpoint, program.pid);
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
        const [what, taskId, endpoint, attempt, pid, at, parent] = line.split(" ");
        return {
          what: what as "start" | "end",
          taskId: taskId!,
          endpoint: endpoint!,
          attempt: Number(attempt),
          pid: Number(pid),
          at: Number(at),
          parent: parent === undefined ? null : Number(parent),
        };
      });
  }

  started(): number {
    return this.journal().filter((entry) => entry.what === "start").length;
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

  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill()));
  }
}

/** Writes handlers and config of a scenario into its folder; times are short, so that a scenario is. */
export async function furnish(dir: string, options: StageOptions, database: object, broker: object): Promise<void> {
  await mkdir(join(dir, "handlers"), { recursive: true });
  await copyFile(join(__dirname, "handlers-journal.cjs"), join(dir, "handlers", "work.cjs"));
  const more = options.more ?? {};
  const config = {
    ...more,
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
      ...more.manager,
    },
    api: { port: "${TASKER_TEST_PORT:-0}", ...more.api },
    database: { ...database, ...more.database },
    broker: { ...broker, ...more.broker },
    log: { level: "info" },
  };
  await writeFile(join(dir, "config.yaml"), JSON.stringify(config, null, 2));
}

/**
 * A free port below the range from which outgoing connections take theirs: an API that is killed and started again must find
 * its port as it left it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.on("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
