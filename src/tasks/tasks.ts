import type { Config, TaskTypeConfig } from "../config/config";
import { TaskerError } from "../errors";
import { newId } from "../model/ids";
import { elementTexts, memberText } from "../model/json/raw-json";
import type { ResponseRecord, ResponseStatus } from "../model/response";
import type { ResponseFilter, Store, TaskFilter, TaskStore } from "../store/store";
import { cancelTask, rowsAt } from "./cancel";
import { type Creator, conflictOf } from "./create";
import { type Endpoints, sum } from "./endpoints";
import type { Health } from "./health";
import { listTasks } from "./list";
import { freshReading, reading } from "./read";
import type { Reconciler } from "./reconcile/reconcile";
import { batchBody, checked, retryBody, startBody } from "./requests/request";
import type {
  Caller,
  Cancelled,
  CancelOptions,
  CancelWait,
  Page,
  ServiceHealth,
  Submitted,
  TaskReading,
  TaskService,
  TypeReading,
  WaitOptions,
} from "./service";
import type { Waiters } from "./wait";

const RETRIABLE: readonly ResponseStatus[] = ["failed", "missed", "expected"];

interface Parts {
  config: Config;
  store: Store;
  creator: Creator;
  waiters: Waiters;
  reconciler: Reconciler;
  health: Health;
  endpoints: Endpoints;
}

/** The one implementation of TaskService: each call a few lines over the store's seam. Built by assemble.ts. */
export class Tasks implements TaskService {
  private readonly store: TaskStore;

  constructor(private readonly parts: Parts) {
    this.store = parts.store.tasks;
  }

  async submit(type: string, body: unknown, caller: Caller, raw?: string): Promise<Submitted> {
    return this.create(this.typeOf(type), body, caller, raw);
  }

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

  async stop(type: string, caller: Caller, more?: CancelWait): ReturnType<TaskService["stop"]> {
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

  async wait(type: string, id: string, ms: number, more: WaitOptions = {}): Promise<TaskReading<ResponseRecord>> {
    const until = performance.now() + ms;
    const over = (now: TaskReading<unknown>) =>
      now.state.settled || (more.etag !== undefined && now.etag !== more.etag);
    let now = more.first ?? (await this.read(type, id));
    while (!over(now)) {
      const left = until - performance.now();
      const seen = await this.parts.waiters.wait(id, left, more.etag === undefined ? "settled" : over, more.signal);
      if (left > 0) now = await this.read(type, id);
      // What was seen may be past: somebody has retried it before it was read.
      if (!seen) break;
    }
    return now;
  }

  async list(filter: TaskFilter): ReturnType<TaskService["list"]> {
    if (filter.type !== undefined) await this.assertKnown(filter.type);
    return listTasks(this.store, filter);
  }

  async responses(type: string, id: string, filter: ResponseFilter): ReturnType<TaskService["responses"]> {
    const task = await this.taskOf(type, id);
    const rows = await this.store.responses(id, { ...filter, limit: filter.limit + 1 });
    return { task, ...pageOf(rows, filter.limit, (row) => `${row.endpoint}/${row.job}`) };
  }

  async response(type: string, id: string, endpoint: string): ReturnType<TaskService["response"]> {
    const task = await this.taskOf(type, id);
    const rows = await this.store.response(id, endpoint);
    if (rows.length === 0)
      throw new TaskerError("endpoint_not_found", `The task does not expect an endpoint ${endpoint}`);
    return { task, rows, attempts: await this.store.attempts(id, rows[0]!.endpoint) };
  }

  async log(
    type: string,
    id: string,
    endpoint: string,
    job: string | null,
    afterSeq: number,
    limit: number,
  ): ReturnType<TaskService["log"]> {
    const { rows } = await this.response(type, id, endpoint);
    const row = rows.find((candidate) => candidate.job === (job ?? "")) ?? (job === null ? rows[0] : undefined);
    if (!row) throw new TaskerError("endpoint_not_found", `The response of ${endpoint} has no job ${job}`);
    return this.store.log(row, afterSeq, limit);
  }

  async cancel(type: string, id: string, _caller: Caller, more: CancelOptions = {}): Promise<Cancelled> {
    const task = await this.taskOf(type, id);
    return cancelTask(task, { ...this.parts, read: () => this.read(type, id) }, more);
  }

  async retry(type: string, id: string, body: unknown, _caller: Caller): ReturnType<TaskService["retry"]> {
    const config = await this.retriable(type);
    const choose = checked(retryBody, body ?? {}, "The request");
    const before = await this.read(type, id);
    for (const endpoint of choose.endpoints ?? []) {
      if (rowsAt(before, endpoint).some((row) => ["received", "running", "retrying"].includes(row.status))) {
        throw new TaskerError(
          "illegal_state",
          `The task is under way at ${endpoint}: cancel it there or wait, then retry`,
        );
      }
    }
    const statuses = choose.statuses ?? (choose.endpoints ? undefined : RETRIABLE);
    const keys = choose.endpoints?.map(
      (name) => before.responses.find((row) => row.performer === name)?.endpoint ?? name,
    );
    const reopened = await this.store.retry(
      id,
      { endpoints: keys, statuses },
      { waitMs: config.waitMs, expiresMs: config.expiresMs },
    );
    this.parts.reconciler.nudge();
    return { reopened, reading: await this.read(type, id) };
  }

  types(): TypeReading[] {
    return Object.values(this.parts.config.taskTypes).map((config) => ({ name: config.name, config }));
  }

  async typeReading(type: string): ReturnType<TaskService["typeReading"]> {
    const config = this.typeOf(type);
    const [registered, counts] = await Promise.all([this.store.endpointsOf(type), this.store.openCounts()]);
    return { name: type, config, registered, open: sum(counts.filter((count) => count.type === type)) };
  }

  openCounts() {
    return this.store.openCounts();
  }

  endpoints(types: readonly string[] | null = null): ReturnType<TaskService["endpoints"]> {
    return this.parts.endpoints.list(types);
  }

  endpoint(name: string, types: readonly string[] | null = null): ReturnType<TaskService["endpoint"]> {
    return this.parts.endpoints.read(name, types);
  }

  removeEndpoint(name: string, more: { dryRun: boolean }): ReturnType<TaskService["removeEndpoint"]> {
    return this.parts.endpoints.remove(name, more);
  }

  renameEndpoint(name: string, to: string): ReturnType<TaskService["renameEndpoint"]> {
    return this.parts.endpoints.rename(name, to);
  }

  changes(
    after: string | null,
    limit: number,
    only?: { taskId?: string; type?: string },
  ): ReturnType<TaskService["changes"]> {
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

  private async taskOf(type: string, id: string) {
    return (await this.read(type, id)).task;
  }
}

function unknownType(type: string): TaskerError {
  const shown = JSON.stringify(type.slice(0, 80));
  return new TaskerError("unknown_task_type", `There is no task type ${shown}; GET /types lists them`);
}

function notFound(type: string, id: string): TaskerError {
  return new TaskerError("task_not_found", `There is no task ${JSON.stringify(id.slice(0, 80))} of type ${type}`);
}

function pageOf<T>(rows: T[], limit: number, cursor: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? cursor(items.at(-1)!) : null };
}
