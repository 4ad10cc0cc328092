import { TaskerUnreachable } from "./errors";
import { followTask, pollTask, readTask } from "./follow";
import { type Call, type ClientOptions, Http } from "./http";
import { followLog, readLog } from "./log";
import { randomId } from "./pause";
import type {
  BatchResult,
  CancelOutcome,
  Endpoint,
  EndpointRemoved,
  EndpointRenamed,
  Health,
  JobsResponse,
  LogChunk,
  Page,
  ResponseFilter,
  RetryRequest,
  StartRequest,
  Task,
  TaskEvent,
  TaskFilter,
  TaskRequest,
  TaskResponse,
  TaskResponseDetail,
  TaskSummary,
  TaskType,
  TaskTypeDetail,
} from "./types";
import { readEvents } from "./watch";

export interface CallOptions {
  signal?: AbortSignal;
}

export interface CancelOptions extends CallOptions {
  /** Cancels at these endpoints only. */
  endpoints?: string[];
  /** Milliseconds to wait for what runs to stop, at most the server's `api.max_wait`. */
  waitMs?: number;
}

export interface WaitOptions extends CallOptions {
  /** Milliseconds. @default no limit */
  timeoutMs?: number;
  /** What to wait for. @default `task.settled` */
  until?(task: Task): boolean;
  /** Called with every new state. */
  onChange?(task: Task): void;
}

/**
 * A client of tasker's HTTP API, for Node 20+ and browsers.
 *
 * Every call rejects with `TaskerProblem` (the server refused or failed), `TaskerUnreachable` (no
 * answer came) or the reason of an aborted `signal`. Repeatable calls are repeated up to `retries`
 * times on broken connections, 429 and 503.
 */
export class TaskerClient {
  private readonly http: Http;

  constructor(options: ClientOptions | string) {
    this.http = new Http(typeof options === "string" ? { url: options } : options);
  }

  /** The API's address. */
  get url(): string {
    return this.http.base;
  }

  /**
   * Submits one task; resolves once it is stored. Without an `identifier` the client makes one, so
   * that every repetition means the same task. After TaskerUnreachable, repeat the call with the
   * `identifier` of the error.
   */
  async submit(type: string, request: TaskRequest = {}, options: CallOptions = {}): Promise<Task> {
    const body = { ...request, identifier: request.identifier ?? randomId() };
    try {
      return await this.call<Task>({ method: "POST", path: [type], body, ...options });
    } catch (error) {
      if (error instanceof TaskerUnreachable) error.identifier = body.identifier;
      throw error;
    }
  }

  /** Submits up to 1000 tasks, each independently. The results are in the order given. */
  async submitBatch(type: string, requests: readonly TaskRequest[], options: CallOptions = {}): Promise<BatchResult[]> {
    const tasks = requests.map((request) => ({ ...request, identifier: request.identifier ?? randomId() }));
    const call: Call = { method: "POST", path: [type, "batch"], body: { tasks }, ...options };
    return (await this.call<{ results: BatchResult[] }>(call)).results;
  }

  async get(type: string, id: string, options: CallOptions = {}): Promise<Task> {
    return (await readTask(this.http, type, id, options))!.task;
  }

  /** Waits until the task is settled (or `until`), or `timeoutMs` is over: check `settled`. */
  async wait(type: string, id: string, options: WaitOptions = {}): Promise<Task> {
    const { timeoutMs, signal, until = (task: Task) => task.settled } = options;
    const over = new AbortController();
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => over.abort(), Math.min(timeoutMs, 2 ** 31 - 1));
    const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    let latest: Task | null = null;
    try {
      for await (const task of pollTask(this.http, type, id, either)) {
        latest = task;
        options.onChange?.(task);
        if (until(task)) return task;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!over.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    return latest ?? this.get(type, id, { signal });
  }

  /**
   * Every new state of the task, the present one first. Ends when the task is settled (`until:
   * "complete"`: when every expected endpoint has answered). Uses server-sent events, or polling
   * where these fail.
   */
  async *watch(
    type: string,
    id: string,
    options: CallOptions & { until?: "settled" | "complete" } = {},
  ): AsyncGenerator<Task, void> {
    for await (const task of followTask(this.http, type, id, options.signal)) {
      yield task;
      if (options.until === "complete" ? task.completeness.complete : task.settled) return;
    }
  }

  /** Raw events of one task or of all; resumes by Last-Event-ID. Ends by `signal` or an error. */
  events(
    what: { type?: string; id?: string } = {},
    options: CallOptions & { after?: string } = {},
  ): AsyncGenerator<TaskEvent, void> {
    const { type, id } = what;
    const call =
      type !== undefined && id !== undefined ? { path: [type, id, "events"] } : { path: ["events"], query: { type } };
    return readEvents(this.http, call, options);
  }

  /** Tasks, newest first; reads further pages as needed. */
  list(filter: TaskFilter = {}, options: CallOptions = {}): AsyncGenerator<TaskSummary, void> {
    return pages((after) => this.listPage({ ...filter, after: after ?? filter.after }, options));
  }

  async listPage(filter: TaskFilter = {}, options: CallOptions = {}): Promise<Page<TaskSummary>> {
    const { type, ...query } = filter;
    return this.call({ path: [type ?? "tasks"], query, ...options });
  }

  /** The responses of a task, by endpoint and job. */
  responses(
    type: string,
    id: string,
    filter: ResponseFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<TaskResponse, void> {
    return pages((after) =>
      this.call({ path: [type, id, "responses"], query: { ...filter, after: after ?? filter.after }, ...options }),
    );
  }

  /**
   * The response of one endpoint with its attempts (`*`: a `deliver: one` task that no endpoint has
   * taken). For a type with jobs it holds all of them, unless `job` names one.
   */
  async response(
    type: string,
    id: string,
    endpoint: string,
    options: CallOptions & { job?: string } = {},
  ): Promise<TaskResponseDetail | JobsResponse> {
    const { job, signal } = options;
    return this.call({ path: [type, id, "responses", endpoint], query: { job }, signal });
  }

  /** The handler's log in chunks; with `follow`, until the response is final. */
  log(
    type: string,
    id: string,
    endpoint: string,
    options: CallOptions & { job?: string; follow?: boolean; after?: number } = {},
  ): AsyncGenerator<LogChunk, void> {
    const { signal, job, follow, after } = options;
    const of = { type, id, endpoint, job };
    return follow ? followLog(this.http, of, after, signal) : readLog(this.http, of, after, signal);
  }

  /** Withdraws what waits and stops what runs. Repeating it is harmless. */
  async cancel(
    type: string,
    id: string,
    { waitMs, endpoints, ...options }: CancelOptions = {},
  ): Promise<{ outcomes: CancelOutcome[]; task: Task }> {
    const query = waitMs === undefined ? {} : { wait: Math.ceil(waitMs / 1000) };
    const timeoutMs = waitMs === undefined ? undefined : waitMs + 30_000;
    const path = [type, id, "cancel"];
    const body = { endpoints };
    return this.call({ method: "POST", path, query, body, timeoutMs, ...options });
  }

  /** Opens a new generation of failed, missed and unreceived responses (or as `request` says). */
  async retry(
    type: string,
    id: string,
    request: RetryRequest = {},
    options: CallOptions = {},
  ): Promise<{ reopened: Array<{ endpoint: string | null; job: string | null }>; task: Task }> {
    return this.call({ method: "POST", path: [type, id, "retry"], body: request, repeat: "refused", ...options });
  }

  /** Starts a `single_run` type. 409 `already_running` names the present run in `location`. */
  async start(type: string, request: StartRequest = {}, options: CallOptions = {}): Promise<Task> {
    return this.call({ method: "POST", path: [type, "start"], body: request, repeat: "refused", ...options });
  }

  /** The current or last run of a `single_run` type. */
  async status(type: string, options: CallOptions = {}): Promise<Task> {
    return this.call({ path: [type, "status"], ...options });
  }

  /** Cancels the run of a `single_run` type; `task` is null when none was under way. */
  async stop(type: string, options: CallOptions = {}): Promise<{ outcomes: CancelOutcome[]; task: Task | null }> {
    return this.call({ method: "POST", path: [type, "stop"], body: {}, ...options });
  }

  async types(options: CallOptions = {}): Promise<TaskType[]> {
    return this.all<TaskType>(["types"], options);
  }

  async type(name: string, options: CallOptions = {}): Promise<TaskTypeDetail> {
    return this.call({ path: ["types", name], ...options });
  }

  async endpoints(options: CallOptions = {}): Promise<Endpoint[]> {
    return this.all<Endpoint>(["endpoints"], options);
  }

  async endpoint(name: string, options: CallOptions = {}): Promise<Endpoint> {
    return this.call({ path: ["endpoints", name], ...options });
  }

  /**
   * Removes the endpoint: nothing is expected of it any more, and what it owes is `cancelled` with
   * the reason `endpoint_removed`. `dryRun` changes nothing. Repeating it is harmless.
   */
  async removeEndpoint(
    name: string,
    { dryRun, ...options }: CallOptions & { dryRun?: boolean } = {},
  ): Promise<EndpointRemoved> {
    const query = dryRun ? { dry_run: true } : {};
    return this.call({ method: "DELETE", path: ["endpoints", name], query, ...options });
  }

  /** Renames the endpoint, with what it owes. Refused while a manager of it lives. */
  async renameEndpoint(name: string, to: string, options: CallOptions = {}): Promise<EndpointRenamed> {
    return this.call({ method: "POST", path: ["endpoints", name, "rename"], body: { name: to }, ...options });
  }

  /** Readiness with its checks. "Not ready" is an answer, not an error. Not repeated. */
  async health(options: CallOptions = {}): Promise<Health & { at: string | null }> {
    const answer = await this.http.call({ path: ["readyz"], repeat: "never", accept: [503], ...options });
    return { ...(answer.body as Health), at: answer.headers.get("date") };
  }

  private async all<T>(path: string[], options: CallOptions): Promise<T[]> {
    const items: T[] = [];
    const read = (after?: string) => this.call<Page<T>>({ path, query: { after }, ...options });
    for await (const item of pages(read)) items.push(item);
    return items;
  }

  /** The body of the answer, whose shape the contract fixes. */
  private async call<T>(call: Call): Promise<T> {
    return (await this.http.call(call)).body as T;
  }
}

async function* pages<T>(read: (after?: string) => Promise<Page<T>>): AsyncGenerator<T, void> {
  for (let page = await read(); ; page = await read(page.next)) {
    yield* page.items;
    if (page.next === null) return;
  }
}
