import type { Config } from "../config/config";
import type { Log } from "../log";
import { newId } from "../model/ids";
import { encodeMessage, FIRST_VERSION, MAX_INLINE_PAYLOAD, type OutgoingTask } from "../model/message";
import { ANY_ENDPOINT } from "../model/names";
import { bandOf } from "../model/priority";
import type { ResponseKey } from "../model/response";
import type { NewTask } from "../model/task";
import type { MaintenanceStore } from "../store/store";
import { killPoint } from "../testing/kill-points";
import { PRODUCER, traced } from "../tracing";
import type { Address, Transport } from "../transport/transport";
import type { QueueRegistry } from "./queue-registry";

/** After a confirmed publish the reconciler looks at an unclaimed response again after so long. */
export const RECHECK_MS = 30_000;
/** Tasks on their way to the broker; beyond it the outbox keeps the rest. */
const MAX_UNDER_WAY = 2000;
/** A confirm is noted so long after it came, if its task has not ended by then; or when there are so many. */
const NOTE_AFTER_MS = 1500;
const NOTE_MOST = 10_000;
/** While some wait for their time, the others are looked at so often. */
const NOTE_EVERY_MS = 200;

/** One response to wake an endpoint for. `payload` null: too large to travel. */
export interface Publication extends ResponseKey, Omit<OutgoingTask, "id" | "job"> {
  type: string;
}

/** Several tasks that go to the same queue travel together: so many at most, and so many characters of payload. */
const MAX_TOGETHER = 50;
const MAX_TOGETHER_CHARACTERS = 64 * 1024;

/**
 * Stored → published → confirmed → noted. The only path to the broker for tasks, used right after the commit of a create
 * and by the reconciler. It may fail at any step: the row's due mark brings the reconciler, and the claim makes a message
 * that arrives twice harmless.
 *
 * Tasks that were committed together and go to the same place share a message: no task waits for another, and under load the
 * broker has a fraction of the work. Of a type that any one endpoint performs a message carries no more tasks than a manager
 * has slots, so that none is held back by its fellows while another manager is free.
 *
 * A confirm is noted in the store a moment later, with many others, and not at all for what has ended meanwhile: most tasks
 * cost no note. Until then the reconciler leaves them alone.
 */
export class Publisher {
  private confirmed = new Map<string, Confirmed>();
  private timer: NodeJS.Timeout | null = null;
  private noting: Promise<void> = Promise.resolve();
  /** Tasks handed to the transport and not settled: bounded, beyond it the outbox keeps the rest. */
  private underWay = 0;
  private sealKey: string | null = null;

  constructor(
    private readonly config: Config,
    private readonly transport: Transport,
    private readonly topology: QueueRegistry,
    private readonly maintenance: MaintenanceStore,
    private readonly log: Log,
  ) {}

  /** With which messages are sealed from now on; before that a receiver has to ask the store for every task. */
  sealWith(key: string): void {
    this.sealKey = key;
  }

  /** For tasks just committed. Never rejects; what does not get through is the reconciler's. */
  created(tasks: readonly NewTask[]): void {
    killPoint("after-commit");
    const byType = new Map<string, NewTask[]>();
    for (const task of tasks) {
      if (task.delayUntil !== null && Date.parse(task.delayUntil) > Date.now()) continue;
      if (this.underWay >= MAX_UNDER_WAY) continue;
      this.underWay++;
      append(byType, task.type, task);
    }
    for (const group of byType.values()) {
      this.publishTasks(group)
        .catch((error: Error) =>
          this.log.debug({ task_id: group[0]!.id, err: error.message }, "not published yet; the reconciler will"),
        )
        .finally(() => {
          this.underWay -= group.length;
        });
    }
  }

  /**
   * Publishes to one response's own queue. Resolves once confirmed (not yet noted); rejects with a TransportError.
   * `meantFor`: who may begin before the claim, since these are the first messages of what nothing has happened to.
   */
  wake(wakes: readonly Publication[], address: Address, meantFor?: readonly string[]): Promise<void> {
    const { type, traceparent } = wakes[0]!;
    if (wakes.every((wake) => wake.traceparent === null)) return this.send(wakes, address, meantFor);
    const attributes = { "messaging.system": "rabbitmq", "tasker.type": type, "tasker.tasks": wakes.length };
    const links = wakes.slice(1).flatMap((wake) => wake.traceparent ?? []);
    return traced(`send ${type}`, { kind: PRODUCER, traceparent, attributes, links }, () =>
      this.send(wakes, address, meantFor),
    );
  }

  private async send(wakes: readonly Publication[], address: Address, meantFor?: readonly string[]): Promise<void> {
    const first = wakes[0]!;
    killPoint("before-publish");
    await this.transport.publish({
      address,
      body: encodeMessage(first.type, wakes.map(outgoing), this.sealKey, meantFor),
      messageId: newId(),
      correlationId: first.taskId,
      type: first.type,
      headers: first.traceparent ? { traceparent: first.traceparent } : undefined,
    });
    killPoint("after-publish");
  }

  /** Notes what is confirmed and not noted yet. Never rejects. */
  async stop(): Promise<void> {
    this.flush(0);
    await this.noting;
  }

  private async publishTasks(tasks: NewTask[]): Promise<void> {
    const sent = (await this.shipments(tasks)).map(async ({ address, tasks, endpoints }) => {
      const late = this.config.taskTypes[tasks[0]!.type]?.claim === "late";
      await this.wake(tasks.flatMap(wakesOf), address, late ? endpoints : undefined);
      this.note(tasks.flatMap((task) => keysOf(task, endpoints)));
    });
    const failed = (await Promise.allSettled(sent)).find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** What goes where: each is one message. */
  private async shipments(tasks: NewTask[]): Promise<Shipment[]> {
    const { type, deliver } = tasks[0]!;
    const most = this.mostTogether(type);
    if (deliver === "one") {
      await this.topology.declareType(type);
      return [...groupBy(tasks, (task) => bandOf(task.priority))].flatMap(([band, group]) =>
        parts(group, most).map((part) => ({
          address: { to: "one", type, band },
          tasks: part,
          endpoints: [ANY_ENDPOINT],
        })),
      );
    }
    const registered = await this.topology.endpointsOf(type);
    const shipments: Shipment[] = [];
    const byEndpoint = new Map<string, NewTask[]>();
    const forAll: NewTask[] = [];
    for (const task of tasks) {
      const reachable = task.endpoints.filter((endpoint) => registered.has(endpoint));
      if (reachable.length > 1 && reachable.length === registered.size) forAll.push(task);
      else for (const endpoint of reachable) append(byEndpoint, endpoint, task);
    }
    for (const part of parts(forAll, most)) {
      shipments.push({ address: { to: "all", type }, tasks: part, endpoints: [...registered] });
    }
    for (const [endpoint, group] of byEndpoint) {
      for (const part of parts(group, most)) {
        shipments.push({ address: { to: "endpoint", type, endpoint }, tasks: part, endpoints: [endpoint] });
      }
    }
    return shipments;
  }

  private mostTogether(type: string): number {
    const config = this.config.taskTypes[type];
    return config?.deliver === "one" ? Math.min(MAX_TOGETHER, config.concurrency) : MAX_TOGETHER;
  }

  /** The task has ended: nothing is left to be noted. */
  ended(taskId: string): void {
    this.confirmed.delete(taskId);
  }

  /** Costs nothing now. */
  private note(keys: readonly FirstKey[]): void {
    const since = performance.now();
    for (const key of keys) {
      const confirmed = this.confirmed.get(key.taskId);
      if (confirmed) confirmed.keys.push(key);
      else this.confirmed.set(key.taskId, { since, keys: [key] });
    }
    if (this.confirmed.size >= NOTE_MOST) this.flush(0);
    else this.timer ??= setTimeout(() => this.flush(NOTE_AFTER_MS), NOTE_AFTER_MS);
  }

  /** What cannot be noted is found unpublished by the reconciler, and published once more. */
  private flush(minAgeMs: number): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const until = performance.now() - minAgeMs + 1;
    const keys: FirstKey[] = [];
    // In the order in which they came.
    for (const [taskId, confirmed] of this.confirmed) {
      if (confirmed.since > until) {
        this.timer = setTimeout(() => this.flush(NOTE_AFTER_MS), NOTE_EVERY_MS);
        break;
      }
      this.confirmed.delete(taskId);
      for (const key of confirmed.keys) keys.push(key);
    }
    if (keys.length === 0) return;
    this.noting = this.noting
      .then(() => this.maintenance.published(keys, RECHECK_MS))
      .catch((error: Error) => this.log.debug({ err: error.message }, "confirms could not be noted"));
  }
}

/** A response as it was created. */
type FirstKey = ResponseKey & { attempt: 0; generation: 1 };

interface Confirmed {
  /** Monotonic milliseconds. */
  since: number;
  keys: FirstKey[];
}

interface Shipment {
  address: Address;
  tasks: NewTask[];
  /** Whose responses it wakes. */
  endpoints: readonly string[];
}

/** In their order, as few parts as the limits allow; a task larger than the limit goes alone. */
function parts(tasks: readonly NewTask[], most: number): NewTask[][] {
  const all: NewTask[][] = [];
  let part: NewTask[] = [];
  let characters = 0;
  for (const task of tasks) {
    if (part.length >= most || (part.length > 0 && characters + task.payload.length > MAX_TOGETHER_CHARACTERS)) {
      all.push(part);
      part = [];
      characters = 0;
    }
    part.push(task);
    characters += task.payload.length;
  }
  if (part.length > 0) all.push(part);
  return all;
}

function groupBy<K>(tasks: readonly NewTask[], keyOf: (task: NewTask) => K): Map<K, NewTask[]> {
  const groups = new Map<K, NewTask[]>();
  for (const task of tasks) append(groups, keyOf(task), task);
  return groups;
}

function append<K>(groups: Map<K, NewTask[]>, key: K, task: NewTask): void {
  const group = groups.get(key);
  if (group) group.push(task);
  else groups.set(key, [task]);
}

/** Field by field: copying objects is dear, and this is done for every task. */
function outgoing(wake: Publication): OutgoingTask {
  return {
    id: wake.taskId,
    job: wake.job || null,
    priority: wake.priority,
    identifier: wake.identifier,
    payload: wake.payload,
    traceparent: wake.traceparent,
    version: wake.version,
    attempt: wake.attempt,
    attempts: wake.attempts,
    generation: wake.generation,
    timeoutMs: wake.timeoutMs,
  };
}

function wakesOf(task: NewTask): Publication[] {
  const payload = Buffer.byteLength(task.payload) <= MAX_INLINE_PAYLOAD ? task.payload : null;
  return task.jobs.map((job) => ({
    taskId: task.id,
    endpoint: "",
    job,
    type: task.type,
    identifier: task.identifier,
    priority: task.priority,
    payload,
    traceparent: task.traceparent,
    version: FIRST_VERSION,
    attempt: 0,
    attempts: task.attempts,
    generation: 1,
    timeoutMs: task.timeoutMs,
  }));
}

/** By the time of the note another attempt may be due, or somebody may have opened the response anew. */
function keysOf(task: NewTask, endpoints: readonly string[]): FirstKey[] {
  return endpoints.flatMap((endpoint) =>
    task.jobs.map((job): FirstKey => ({ taskId: task.id, endpoint, job, attempt: 0, generation: 1 })),
  );
}
