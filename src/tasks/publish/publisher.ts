import type { Config } from "../../config/config";
import { groupBy } from "../../group-by";
import type { Log } from "../../log";
import { newId } from "../../model/ids";
import { encodeMessage, FIRST_VERSION, MAX_INLINE_PAYLOAD, type OutgoingTask } from "../../model/message";
import type { NewTask } from "../../model/task";
import { killPoint } from "../../testing/kill-points";
import { PRODUCER, traced } from "../../tracing";
import type { Address, Transport } from "../../transport/transport";
import type { Confirms } from "./confirms";
import type { QueueRegistry } from "./queue-registry";
import { MAX_TOGETHER, type Shipment, shipmentsToAny, shipmentsToEach } from "./shipments";

/** Most tasks on their way to the broker. Beyond it the outbox keeps the rest. */
const MAX_UNDER_WAY = 2000;

/**
 * Stored → published → confirmed → noted. The only path to the broker for tasks: right after the
 * commit of a create, and from the reconciler. It may fail at any step. The row's due mark brings
 * the reconciler, and the claim makes a message that arrives twice harmless.
 */
export class TaskPublisher {
  private underWay = 0;
  private signingKey: string | null = null;

  constructor(
    private readonly config: Config,
    private readonly transport: Transport,
    private readonly queues: QueueRegistry,
    private readonly confirms: Confirms,
    private readonly log: Log,
  ) {}

  /** Signs messages from now on. Each task of an unsigned one has to be asked for at the store. */
  signWith(key: string): void {
    this.signingKey = key;
  }

  /** For tasks just committed. Never rejects; what does not get through is the reconciler's. */
  created(tasks: readonly NewTask[]): void {
    killPoint("after-commit");
    const now = Date.now();
    const due = tasks.filter(({ delayUntil }) => delayUntil === null || Date.parse(delayUntil) <= now);
    const taken = due.slice(0, Math.max(0, MAX_UNDER_WAY - this.underWay));
    for (const group of groupBy(taken, ({ type }) => type).values()) {
      this.underWay += group.length;
      this.publishNew(group)
        .catch((error: Error) =>
          this.log.debug({ task_id: group[0]!.id, err: error.message }, "not published yet; the reconciler will"),
        )
        .finally(() => {
          this.underWay -= group.length;
        });
    }
  }

  /**
   * Publishes tasks of one type in one message. Resolves once the broker has confirmed it (not
   * noted yet); rejects with a TransportError.
   *
   * @param mayBegin endpoints that may begin before their claim, as nothing has happened to the
   *   tasks
   */
  publish(type: string, tasks: readonly OutgoingTask[], address: Address, mayBegin?: readonly string[]): Promise<void> {
    const [{ traceparent }, ...others] = tasks as [OutgoingTask, ...OutgoingTask[]];
    const send = () => this.send(type, tasks, address, mayBegin);
    if (tasks.every((task) => task.traceparent === null)) return send();
    const attributes = { "messaging.system": "rabbitmq", "tasker.type": type, "tasker.tasks": tasks.length };
    const links = others.flatMap((task) => task.traceparent ?? []);
    return traced(`send ${type}`, { kind: PRODUCER, traceparent, attributes, links }, send);
  }

  private async send(
    type: string,
    tasks: readonly OutgoingTask[],
    address: Address,
    mayBegin?: readonly string[],
  ): Promise<void> {
    const { id, traceparent } = tasks[0]!;
    killPoint("before-publish");
    await this.transport.publish({
      address,
      body: encodeMessage(type, tasks, this.signingKey, mayBegin),
      messageId: newId(),
      correlationId: id,
      type,
      headers: traceparent ? { traceparent } : undefined,
    });
    killPoint("after-publish");
  }

  /** Ends once every shipment was answered; one that fails takes no other with it. */
  private async publishNew(tasks: NewTask[]): Promise<void> {
    const { type } = tasks[0]!;
    const late = this.config.taskTypes[type]?.claim === "late";
    const sent = (await this.shipments(tasks)).map(async ({ address, tasks, endpoints }) => {
      await this.publish(type, tasks.flatMap(firstMessages), address, late ? endpoints : undefined);
      this.confirms.add(tasks, endpoints);
    });
    const failed = (await Promise.allSettled(sent)).find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  }

  private async shipments(tasks: NewTask[]): Promise<Shipment[]> {
    const { type, deliver } = tasks[0]!;
    if (deliver === "each") return shipmentsToEach(tasks, await this.queues.endpointsOf(type));
    await this.queues.declareType(type);
    return shipmentsToAny(tasks, this.config.taskTypes[type]?.concurrency ?? MAX_TOGETHER);
  }
}

/** A task as it was created, once for each of its jobs. */
function firstMessages(task: NewTask): OutgoingTask[] {
  const { id, identifier, priority, traceparent, attempts, timeoutMs } = task;
  const payload = Buffer.byteLength(task.payload) <= MAX_INLINE_PAYLOAD ? task.payload : null;
  return task.jobs.map((job) => ({
    id,
    job: job || null,
    identifier,
    priority,
    payload,
    traceparent,
    version: FIRST_VERSION,
    attempt: 0,
    attempts,
    generation: 1,
    timeoutMs,
  }));
}
