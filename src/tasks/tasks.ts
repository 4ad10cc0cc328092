import type { Config, TaskTypeConfig } from "../config/config";
import { TaskerError } from "../errors";
import { newId } from "../model/ids";
import { elementTexts, memberText } from "../model/json/raw-json";
import type { ResponseRecord } from "../model/response";
import type { TaskRecord } from "../model/task";
import type { LogChunk, ResponseBrief, ResponseFilter, Store, TaskFilter, TaskStore } from "../store/store";
import { cancelTask } from "./cancel";
import { type Creator, conflictOf } from "./create";
import { type Endpoints, sum } from "./endpoints";
import type { Health } from "./health";
import { listTasks } from "./list";
import { freshReading, reading } from "./read";
import type { Reconciler } from "./reconcile/reconcile";
import { batchBody, checked, retryBody, startBody } from "./requests/request";
import { retryTask } from "./retry";
import type {
  Caller,
  Cancelled,
  CancelOptions,
  CancelWait,
  EndpointReading,
  EndpointRemoved,
  EndpointRenamed,
  Page,
  ResponseReading,
  Retried,
  ServiceHealth,
  Submitted,
  TaskReading,
  TypeDetail,
  TypeReading,
  WaitOptions,
} from "./service";
import type { Waiters } from "./wait";

interface Parts {
  config: Config;
  store: Store;
  creator: Creator;
  waiters: Waiters;
  reconciler: Reconciler;
  health: Health;
  endpoints: Endpoints;
}

/**
 * Everything that can be asked of tasks, over HTTP or as a library: each call a few lines over the
 * store's seam. All calls reject with TaskerError only. `type` is always checked first
 * (`unknown_task_type`). Stored tasks of a type that the config no longer has can be read and
 * cancelled, not created or retried.
 */
export class TaskService {
  private readonly store: TaskStore;

  constructor(private readonly parts: Parts) {
    this.store = parts.store.tasks;
  }

  /**
   * Validates and stores a task, and hands it to the publisher. Resolves once committed.
   *
   * @param body the parsed request, not yet trusted
   * @param raw the JSON text that it was parsed from: with it the payload is kept byte for byte
   */
  async submit(type: string, body: unknown, caller: Caller, raw?: string): Promise<Submitted> {
    return this.create(this.typeOf(type), body, caller, raw);
  }

  /** At most 1000, answered in order. One that is refused takes no other with it. */
  async submitBatch(
    type: string,
    body: unknown,
    caller: Caller,
    raw?: string,
  ): Promise<Array<Submitted | TaskerError>> {
    const config = this.typeOf(type);
    const { tasks } = checked(batchBody, body, "The request");
    const texts = raw === undefined ? [] : elementTexts(memberText(raw, "tasks") ?? "[]");
    return Promise.all(
      tasks.map(async (task, i) => {
        try {
          return await this.create(config, task, caller, texts[i]);
        } catch (error) {
          if (error instanceof TaskerError) return error;
          throw error;
        }
      }),
    );
  }

  /** Creates the run of a `single_run` type. */
  async start(type: string, body: unknown, caller: Caller, raw?: string): Promise<Submitted> {
    const config = this.singleRun(type);
    const request = checked(startBody, body ?? {}, "The request");
    return this.create(config, { ...request, identifier: newId() }, caller, raw);
  }

  async current(type: string): Promise<TaskReading<ResponseRecord> | null> {
    this.singleRun(type);
    const newest = await this.store.newest(type);
    return newest ? this.read(type, newest.id) : null;
  }

  /** As cancel; null: none was under way. */
  async stop(type: string, caller: Caller, more?: CancelWait): Promise<Cancelled | null> {
    const current = await this.current(type);
    if (!current || current.state.completeness.complete) return null;
    return this.cancel(type, current.task.id, caller, more);
  }

  async read(type: string, id: string): Promise<TaskReading<ResponseRecord>> {
    const found = await this.store.find(type, id);
    if (found) return reading(found);
    await this.assertKnown(type);
    throw notFound(type, id);
  }

  /** As read, once the task is settled, differs from `etag`, `ms` are over, or `signal` aborts. */
  async wait(type: string, id: string, ms: number, more: WaitOptions = {}): Promise<TaskReading<ResponseRecord>> {
    const until = performance.now() + ms;
    const over = (now: TaskReading<unknown>) =>
      now.state.settled || (more.etag !== undefined && now.etag !== more.etag);
    let now = more.first ?? (await this.read(type, id));
    while (!over(now)) {
      const left = until - performance.now();
      const seen = await this.parts.waiters.wait(id, left, more.etag === undefined ? "settled" : over, more.signal);
      if (left > 0) now = await this.read(type, id);
      // The task may have been retried between the notice and this read.
      if (!seen) break;
    }
    return now;
  }

  async list(filter: TaskFilter): Promise<Page<TaskReading<ResponseBrief>>> {
    if (filter.type !== undefined) await this.assertKnown(filter.type);
    return listTasks(this.store, filter);
  }

  async responses(
    type: string,
    id: string,
    filter: ResponseFilter,
  ): Promise<Page<ResponseRecord> & { task: TaskRecord }> {
    const { task } = await this.read(type, id);
    const rows = await this.store.responses(id, { ...filter, limit: filter.limit + 1 });
    const items = rows.slice(0, filter.limit);
    const last = items.at(-1);
    return { task, items, next: last && rows.length > filter.limit ? `${last.endpoint}/${last.job}` : null };
  }

  /** All rows (jobs) of that endpoint, with their attempts, oldest first. */
  async response(type: string, id: string, endpoint: string): Promise<ResponseReading> {
    const { task } = await this.read(type, id);
    const rows = await this.store.response(id, endpoint);
    if (rows.length === 0)
      throw new TaskerError("endpoint_not_found", `The task does not expect an endpoint ${endpoint}`);
    return { task, rows, attempts: await this.store.attempts(id, rows[0]!.endpoint) };
  }

  // biome-ignore lint/complexity/useMaxParams: programs that run tasker inside call it so
  async log(
    type: string,
    id: string,
    endpoint: string,
    job: string | null,
    afterSeq: number,
    limit: number,
  ): Promise<LogChunk[]> {
    const { rows } = await this.response(type, id, endpoint);
    const row = rows.find((candidate) => candidate.job === (job ?? "")) ?? (job === null ? rows[0] : undefined);
    if (!row) throw new TaskerError("endpoint_not_found", `The response of ${endpoint} has no job ${job}`);
    return this.store.log(row, afterSeq, limit);
  }

  /**
   * Withdraws waiting responses and stops running ones, everywhere or at `endpoints`. With `ms`
   * resolves once these have stopped, after `ms`, or when `signal` aborts.
   */
  async cancel(type: string, id: string, _caller: Caller, more: CancelOptions = {}): Promise<Cancelled> {
    const { task } = await this.read(type, id);
    return cancelTask(task, { ...this.parts, read: () => this.read(type, id) }, more);
  }

  /** Opens responses again, those that the body chooses. */
  async retry(type: string, id: string, body: unknown, _caller: Caller): Promise<Retried> {
    const config = await this.retriable(type);
    const choose = checked(retryBody, body ?? {}, "The request");
    const reopened = await retryTask(await this.read(type, id), choose, config, this.store);
    this.parts.reconciler.nudge();
    return { reopened, reading: await this.read(type, id) };
  }

  types(): TypeReading[] {
    return Object.values(this.parts.config.taskTypes).map((config) => ({ name: config.name, config }));
  }

  async typeReading(type: string): Promise<TypeDetail> {
    const config = this.typeOf(type);
    const [registered, counts] = await Promise.all([this.store.endpointsOf(type), this.store.openCounts()]);
    return { name: type, config, registered, open: sum(counts.filter((count) => count.type === type)) };
  }

  /** Responses that are not final. */
  openCounts() {
    return this.store.openCounts();
  }

  endpoints(types: readonly string[] | null = null): Promise<EndpointReading[]> {
    return this.parts.endpoints.list(types);
  }

  endpoint(name: string, types: readonly string[] | null = null): Promise<EndpointReading> {
    return this.parts.endpoints.read(name, types);
  }

  /** Removes the endpoint; `dryRun`: only reports the consequences. */
  removeEndpoint(name: string, more: { dryRun: boolean }): Promise<EndpointRemoved> {
    return this.parts.endpoints.remove(name, more);
  }

  /** Moves the endpoint's open responses to another name. Not while a manager of it is alive. */
  renameEndpoint(name: string, to: string): Promise<EndpointRenamed> {
    return this.parts.endpoints.rename(name, to);
  }

  changes(
    after: string | null,
    limit: number,
    only?: { taskId?: string; type?: string },
  ): ReturnType<TaskStore["changes"]> {
    return this.store.changes(after, limit, only);
  }

  health(): Promise<ServiceHealth> {
    return this.parts.health.read();
  }

  private async create(config: TaskTypeConfig, body: unknown, caller: Caller, raw?: string): Promise<Submitted> {
    const draft = this.parts.creator.draft(config, body, caller, { raw });
    const outcome = await this.parts.creator.create(draft);
    if (outcome.kind === "refused") throw outcome.error;
    if (outcome.kind === "busy") {
      throw new TaskerError("already_running", `A task of type ${draft.type} is running already`, {
        location: `/${draft.type}/${outcome.taskId}`,
      });
    }
    const conflict = conflictOf(draft, outcome);
    if (conflict) throw conflict;
    if (outcome.kind === "existing") return { reading: await this.read(draft.type, outcome.task.id), replayed: true };
    return { reading: freshReading(outcome.task, outcome.endpoints, draft.jobs), replayed: false };
  }

  private configOf(type: string): TaskTypeConfig | undefined {
    return Object.hasOwn(this.parts.config.taskTypes, type) ? this.parts.config.taskTypes[type] : undefined;
  }

  private typeOf(type: string): TaskTypeConfig {
    const config = this.configOf(type);
    if (!config) throw unknownType(type);
    return config;
  }

  /** Whether the type is in the config, or tasks of it are stored from when it was. */
  async knowsType(type: string): Promise<boolean> {
    return this.configOf(type) !== undefined || this.store.typeExists(type);
  }

  private async assertKnown(type: string): Promise<void> {
    if (!(await this.knowsType(type))) throw unknownType(type);
  }

  private async retriable(type: string): Promise<TaskTypeConfig> {
    const config = this.configOf(type);
    if (config) return config;
    await this.assertKnown(type);
    throw new TaskerError(
      "illegal_state",
      `The config has no task type ${type} any more, so nobody would perform it: put the type back, then retry`,
    );
  }

  private singleRun(type: string): TaskTypeConfig {
    const config = this.typeOf(type);
    if (!config.singleRun) throw new TaskerError("route_not_found", `Type ${type} is not a single_run type`);
    return config;
  }
}

function unknownType(type: string): TaskerError {
  const shown = JSON.stringify(type.slice(0, 80));
  return new TaskerError("unknown_task_type", `There is no task type ${shown}; GET /types lists them`);
}

function notFound(type: string, id: string): TaskerError {
  return new TaskerError("task_not_found", `There is no task ${JSON.stringify(id.slice(0, 80))} of type ${type}`);
}
