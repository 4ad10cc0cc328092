import { TaskerUnreachable } from "./errors";
import { followTask, pollTask, readTask } from "./follow";
import { type ClientOptions, Http } from "./http";
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
  /** Only there: what the others do or have answered stays what it is. */
  endpoints?: string[];
  /** Answer when what was told to stop has stopped, or after so many milliseconds (at most the server's `api.max_wait`). */
  waitMs?: number;
}

export interface WaitOptions extends CallOptions {
  /** Milliseconds; left out: as long as it takes. */
  timeoutMs?: number;
  /** What to wait for. @default `task.settled` */
  until?(task: Task): boolean;
  /** Called with every new state on the way. */
  onChange?(task: Task): void;
}

/**
 * A client of tasker's HTTP API, for Node 20+ and browsers.
 *
 * Every call rejects with `TaskerProblem` (the server said no, and why), `TaskerUnreachable` (no answer came) or the reason of
 * an aborted `signal`. What may be repeated is repeated on broken connections, 429 and 503, within `retries`.
 */
export class TaskerClient {
  private readonly http: Http;

  constructor(options: ClientOptions | string) {
    this.http = new Http(typeof options === "string" ? { url: options } : options);
  }

  /** Where the API is. */
  get url(): string {
    return this.http.base;
  }

  /**
   * Sends one task; resolves once it is stored. Without an `identifier` one is made, so that every repetition means the same
   * task. After TaskerUnreachable its `identifier` says with which one to try again later.
   */
  async submit(type: string, request: TaskRequest = {}, options: CallOptions = {}): Promise<Task> {
    const body = { ...request, identifier: request.identifier ?? randomId() };
    try {
      return (await this.http.call({ method: "POST", path: [type], body, ...options })).body as Task;
    } catch (error) {
      if (error instanceof TaskerUnreachable) error.identifier = body.identifier;
      throw error;
    }
  }

  /** Up to 1000 tasks at once; each is stored or refused alone, in the order given. */
  async submitBatch(type: string, requests: readonly TaskRequest[], options: CallOptions = {}): Promise<BatchResult[]> {
    const tasks = requests.map((request) => ({ ...request, identifier: request.identifier ?? randomId() }));
    const answer = await this.http.call({ method: "POST", path: [type, "batch"], body: { tasks }, ...options });
    return (answer.body as { results: BatchResult[] }).results;
  }

  async get(type: string, id: string, options: CallOptions = {}): Promise<Task> {
    return (await readTask(this.http, type, id, options))!.task;
  }

  /**
   * The task once it is settled (or `until` is true), or as it stands when `timeoutMs` are over: look at `settled`. Long polls.
   */
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
   * Every new state of the task as it comes, the present one first; ends after the settled one (`until: "complete"`: after
   * every expected endpoint has answered, however long that takes). By server-sent events, or polling where they fail.
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

  /** Raw events, of one task or of all that the key may see; resumes by Last-Event-ID. Ends only by `signal` or an error. */
  events(
    what: { type?: string; id?: string } = {},
    options: CallOptions & { after?: string } = {},
  ): AsyncGenerator<TaskEvent, void> {
    const { type, id } = what;
    const call =
      type !== undefined && id !== undefined ? { path: [type, id, "events"] } : { path: ["events"], query: { type } };
    return readEvents(this.http, call, options);
  }

  /** Tasks, newest first, page after page as you go on reading. */
  list(filter: TaskFilter = {}, options: CallOptions = {}): AsyncGenerator<TaskSummary, void> {
    return pages((after) => this.listPage({ ...filter, after: after ?? filter.after }, options));
  }

  async listPage(filter: TaskFilter = {}, options: CallOptions = {}): Promise<Page<TaskSummary>> {
    const { type, ...query } = filter;
    return (await this.http.call({ path: [type ?? "tasks"], query, ...options })).body as Page<TaskSummary>;
  }

  /** What the endpoints said about a task, by endpoint and job. */
  responses(
    type: string,
    id: string,
    filter: ResponseFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<TaskResponse, void> {
    return pages(async (after) => {
      const query = { ...filter, after: after ?? filter.after };
      return (await this.http.call({ path: [type, id, "responses"], query, ...options })).body as Page<TaskResponse>;
    });
  }

  /**
   * One endpoint's whole answer with its attempts (`*`: of a `deliver: one` task that nobody has taken). Of a type with jobs it
   * holds all of them, unless `job` names one.
   */
  async response(
    type: string,
    id: string,
    endpoint: string,
    options: CallOptions & { job?: string } = {},
  ): Promise<TaskResponseDetail | JobsResponse> {
    const { signal, job } = options;
    const answer = await this.http.call({ path: [type, id, "responses", endpoint], query: { job }, signal });
    return answer.body as TaskResponseDetail | JobsResponse;
  }

  /** What the handler logged there, in pieces. With `follow` it goes on as more comes (SSE), until the response is final. */
  log(
    type: string,
    id: string,
    endpoint: string,
    options: CallOptions & { job?: string; follow?: boolean; after?: number } = {},
  ): AsyncGenerator<LogChunk, void> {
    const { signal, job, follow, after } = options;
    const place = { type, id, endpoint, job };
    return follow ? followLog(this.http, place, after, signal) : readLog(this.http, place, after, signal);
  }

  /** Withdraws what waits and stops what runs, everywhere or at `endpoints`. Repeating it is harmless. */
  async cancel(
    type: string,
    id: string,
    { waitMs, endpoints, ...options }: CancelOptions = {},
  ): Promise<{ outcomes: CancelOutcome[]; task: Task }> {
    const query = waitMs === undefined ? {} : { wait: Math.ceil(waitMs / 1000) };
    const timeoutMs = waitMs === undefined ? undefined : waitMs + 30_000;
    const path = [type, id, "cancel"];
    const body = { endpoints };
    const answer = await this.http.call({ method: "POST", path, query, body, timeoutMs, ...options });
    return answer.body as { outcomes: CancelOutcome[]; task: Task };
  }

  /** Opens new attempts for what failed, was missed or never received (or as asked), inside the same task. */
  async retry(
    type: string,
    id: string,
    request: RetryRequest = {},
    options: CallOptions = {},
  ): Promise<{ reopened: Array<{ endpoint: string | null; job: string | null }>; task: Task }> {
    const call = { method: "POST", path: [type, id, "retry"], body: request, repeat: "refused", ...options } as const;
    return (await this.http.call(call)).body as Awaited<ReturnType<TaskerClient["retry"]>>;
  }

  /** Starts a `single_run` type; 409 `already_running` names the one that runs in `location`. */
  async start(type: string, request: StartRequest = {}, options: CallOptions = {}): Promise<Task> {
    const call = { method: "POST", path: [type, "start"], body: request, repeat: "refused", ...options } as const;
    return (await this.http.call(call)).body as Task;
  }

  /** The current or last run of a `single_run` type. */
  async status(type: string, options: CallOptions = {}): Promise<Task> {
    return (await this.http.call({ path: [type, "status"], ...options })).body as Task;
  }

  /** Cancels the run of a `single_run` type; `task` is null when none was under way. */
  async stop(type: string, options: CallOptions = {}): Promise<{ outcomes: CancelOutcome[]; task: Task | null }> {
    const answer = await this.http.call({ method: "POST", path: [type, "stop"], body: {}, ...options });
    return answer.body as { outcomes: CancelOutcome[]; task: Task | null };
  }

  async types(options: CallOptions = {}): Promise<TaskType[]> {
    return this.all<TaskType>(["types"], options);
  }

  async type(name: string, options: CallOptions = {}): Promise<TaskTypeDetail> {
    return (await this.http.call({ path: ["types", name], ...options })).body as TaskTypeDetail;
  }

  async endpoints(options: CallOptions = {}): Promise<Endpoint[]> {
    return this.all<Endpoint>(["endpoints"], options);
  }

  async endpoint(name: string, options: CallOptions = {}): Promise<Endpoint> {
    return (await this.http.call({ path: ["endpoints", name], ...options })).body as Endpoint;
  }

  /**
   * Ends the endpoint's life: nothing is expected of it any more, and what it owes is `cancelled` with the reason
   * `endpoint_removed`. `dryRun`: only tells. Repeating it is harmless.
   */
  async removeEndpoint(
    name: string,
    { dryRun, ...options }: CallOptions & { dryRun?: boolean } = {},
  ): Promise<EndpointRemoved> {
    const query = dryRun ? { dry_run: true } : {};
    const call = { method: "DELETE", path: ["endpoints", name], query, ...options } as const;
    return (await this.http.call(call)).body as EndpointRemoved;
  }

  /** The endpoint goes on as `to`, with what it owes; not while a manager of it lives. Repeating it is harmless. */
  async renameEndpoint(name: string, to: string, options: CallOptions = {}): Promise<EndpointRenamed> {
    const call = { method: "POST", path: ["endpoints", name, "rename"], body: { name: to }, ...options } as const;
    return (await this.http.call(call)).body as EndpointRenamed;
  }

  /** Readiness with its checks; not ready is an answer, not an error. One try. */
  async health(options: CallOptions = {}): Promise<Health & { at: string | null }> {
    const answer = await this.http.call({ path: ["readyz"], repeat: "never", accept: [503], ...options });
    return { ...(answer.body as Health), at: answer.headers.get("date") };
  }

  private async all<T>(path: string[], options: CallOptions): Promise<T[]> {
    const items: T[] = [];
    const read = async (after: string | null) =>
      (await this.http.call({ path, query: { after: after ?? undefined }, ...options })).body as Page<T>;
    for await (const item of pages(read)) items.push(item);
    return items;
  }
}

async function* pages<T>(read: (after: string | null) => Promise<Page<T>>): AsyncGenerator<T, void> {
  let after: string | null = null;
  do {
    const page: Page<T> = await read(after);
    yield* page.items;
    after = page.next;
  } while (after !== null);
}
