import type { Config } from "./config/config";
import { configFrom } from "./config/loading/load";
import { createLog, type Log } from "./log";
import type { HandleTask } from "./model/handler";
import type { ResponseRecord } from "./model/response";
import { startProcess } from "./tasker";
import { type EnqueueRequest, enqueue, type Queryable } from "./tasks/requests/enqueue";
import type { Caller, Submitted, TaskReading } from "./tasks/service";
import type { TaskService } from "./tasks/tasks";

/** tasker inside your own program: the parts of `tasker up`, with your functions as handlers. */
export interface Tasker {
  /** The address of its HTTP API; null without one. */
  readonly url: string | null;
  readonly config: Config;
  /** The operations of the HTTP API, as calls. */
  readonly tasks: TaskService;
  /** Resolves once the task is stored. */
  submit(type: string, request: Omit<EnqueueRequest, "type">): Promise<TaskReading<ResponseRecord>>;
  /** Resolves when the task is settled or `ms` is over. @default 30 s */
  wait(type: string, id: string, ms?: number): Promise<TaskReading<ResponseRecord>>;
  /** Stores a request in your open transaction. It becomes a task within 1 s of your commit. */
  enqueue(within: Queryable, request: EnqueueRequest): Promise<{ id: string }>;
  /** Finishes running attempts, keeps waiting tasks for the next start, and closes everything. */
  close(): Promise<void>;
}

export interface TaskerOptions {
  /**
   * The config, with the keys of the file: `task_types`, `database`, `broker`, `manager`, `api`.
   */
  config: object;
  /** Handlers by task type (or by `handler:` name). They run in this process. */
  handlers?: Record<string, HandleTask>;
  /** Serve HTTP too, as `api:` of the config says. @default true */
  api?: boolean;
  /** Level of the log on standard error. @default "warn" */
  logLevel?: Config["log"]["level"];
  log?: Log;
}

const CALLER: Caller = { name: null, types: null, remote: null, traceparent: null };

/**
 * Starts tasker in this process and resolves when it is usable. Throws ConfigError with every fault
 * of the config. Handlers given as functions run inline and share the process; CPU-heavy work
 * belongs in a handler module.
 */
export async function createTasker(options: TaskerOptions): Promise<Tasker> {
  const config = configFrom(options.config);
  const log = options.log ?? createLog(options.logLevel ?? "warn");
  const running = await startProcess({
    config,
    log,
    api: true,
    listen: options.api ?? true,
    endpoints: config.manager.endpoints,
    functions: options.handlers,
  });
  await running.ready;
  const tasks = running.service!;
  return {
    url: running.api?.url ?? null,
    config,
    tasks,
    submit: async (type, request) => ((await tasks.submit(type, request, CALLER)) as Submitted).reading,
    wait: (type, id, ms = 30_000) => tasks.wait(type, id, ms),
    enqueue,
    close: () => running.close(),
  };
}
