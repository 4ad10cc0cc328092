import { TransportError } from "../errors";
import type { Log } from "../log";
import { describeAddress, endpointQueueName, PARKING, queueName } from "./amqp/naming";
import { EmbeddedBroker, type EmbeddedConsumer, type EmbeddedQueue, type StoredMessage } from "./embedded-broker";
import { checkPrefetch, parkedHeaders } from "./headers";
import type {
  Address,
  Consumption,
  Delivery,
  Outgoing,
  QueueDepth,
  Subscription,
  Transport,
  TransportHealth,
  TypeTopology,
} from "./transport";

/**
 * The in-process transport. It behaves like the wire: only text passes, deliveries come in later
 * turns of the event loop, unacked ones are delivered again when the consumer's transport closes.
 *
 * One transport is one "connection" to a broker; those created with the same `broker` see the same
 * queues.
 */
export function createEmbeddedTransport(options: { log: Log; broker?: EmbeddedBroker }): Transport {
  return new EmbeddedTransport(options.log, options.broker ?? new EmbeddedBroker());
}

class EmbeddedTransport implements Transport {
  readonly kind = "embedded";
  private state: "new" | "open" | "closed" = "new";
  private readonly declared = new Set<string>();
  private readonly consumptions = new Set<EmbeddedConsumption>();
  private parked = 0;
  private marked = false;

  constructor(
    private readonly log: Log,
    private readonly broker: EmbeddedBroker,
  ) {}

  async open(): Promise<void> {
    if (this.state === "closed") throw new TransportError("closed", "The embedded transport has been closed.");
    this.state = "open";
  }

  async declareType(topology: TypeTopology): Promise<void> {
    this.assertOpen();
    this.broker.declareType(topology);
  }

  async declareEndpoint(type: string, endpoint: string): Promise<void> {
    this.assertOpen();
    this.broker.declareEndpoint(type, endpoint);
    this.declared.add(endpointQueueName(type, endpoint));
  }

  async removeEndpoint(type: string, endpoint: string): Promise<void> {
    this.assertOpen();
    this.declared.delete(endpointQueueName(type, endpoint));
    this.broker.removeEndpoint(type, endpoint);
  }

  hasEndpoint(type: string, endpoint: string): boolean {
    return this.declared.has(endpointQueueName(type, endpoint));
  }

  async publish(message: Outgoing): Promise<void> {
    this.assertOpen();
    const targets = this.broker.targets(message.address);
    if (targets.length === 0) {
      const where = describeAddress(message.address);
      throw new TransportError("unroutable", `No queue takes message ${message.messageId}: there is no ${where}.`);
    }
    if (this.broker.full) {
      throw new TransportError(
        "blocked",
        "The embedded queues hold as much as they may; nothing more is taken until they drain.",
      );
    }
    // Through bytes, as on the wire: what cannot be written as UTF-8 must not arrive here either.
    const body = Buffer.from(message.body, "utf8");
    const headers = { ...message.headers };
    for (const queue of targets) queue.push({ body, messageId: message.messageId, headers, redelivered: false });
  }

  async declareRecorder(): Promise<void> {
    throw noRecorder();
  }

  async call(): Promise<string> {
    throw noRecorder();
  }

  async consume(subscription: Subscription): Promise<Consumption> {
    this.assertOpen();
    checkPrefetch(subscription.prefetch);
    const name = queueName(subscription.address);
    if (name === null) throw new TypeError("A subscription needs the address of one queue.");
    const consumption = new EmbeddedConsumption(this.broker.queue(name), subscription, {
      park: (message, reason) => this.park(message, reason, name),
      drained: () => this.consumptions.delete(consumption),
      failed: (error) =>
        this.log.error({ queue: name, err: error }, "The receiver of a message threw; the message stays unacked."),
    });
    this.consumptions.add(consumption);
    await consumption.resume();
    return consumption;
  }

  async depth(address: Address): Promise<QueueDepth | null> {
    this.assertOpen();
    const name = queueName(address);
    const queue = name === null ? null : this.broker.queue(name);
    return queue?.declared ? { ready: queue.length, consumers: queue.consumerCount } : null;
  }

  /** The queues go with the process. */
  async lostMessages(): Promise<boolean> {
    return !this.marked;
  }

  async markBoot(): Promise<void> {
    this.marked = true;
  }

  health(): TransportHealth {
    return {
      connected: this.state === "open",
      blocked: this.broker.full,
      inFlight: 0,
      reconnects: 0,
      parked: this.parked,
      lastError: null,
    };
  }

  async close(): Promise<void> {
    this.state = "closed";
    for (const consumption of [...this.consumptions]) consumption.abandon();
    this.consumptions.clear();
    this.declared.clear();
  }

  private park(message: StoredMessage, reason: string, queue: string): void {
    this.parked++;
    this.log.warn(
      { message_id: message.messageId, queue, reason },
      "A message could not be understood and was parked.",
    );
    const headers = parkedHeaders(message.headers, reason, queue);
    this.broker.queue(PARKING).push({ ...message, headers, redelivered: false });
  }

  private assertOpen(): void {
    if (this.state === "closed") throw new TransportError("closed", "The embedded transport has been closed.");
    if (this.state === "new") throw new TransportError("disconnected", "The embedded transport has not been opened.");
  }
}

/** The managers of this process have the store itself. */
function noRecorder(): TransportError {
  return new TransportError("refused", "The embedded transport has no recorder: its managers use the store.");
}

interface ConsumptionHooks {
  park(message: StoredMessage, reason: string): void;
  /** Stopped, and nothing is unacked any more. */
  drained(): void;
  /** The receiver broke its contract and threw. The delivery stays unacked. */
  failed(error: unknown): void;
}

class EmbeddedConsumption implements Consumption, EmbeddedConsumer {
  private state: "running" | "paused" | "stopped" | "abandoned" = "paused";
  private readonly unacked = new Set<StoredMessage>();

  constructor(
    private readonly queue: EmbeddedQueue,
    private readonly subscription: Subscription,
    private readonly hooks: ConsumptionHooks,
  ) {}

  capacity(): number {
    return this.state === "running" ? this.subscription.prefetch - this.unacked.size : 0;
  }

  deliver(message: StoredMessage): void {
    this.unacked.add(message);
    const once = (then: () => void) => () => {
      if (this.unacked.delete(message)) {
        then();
        this.queue.schedule();
        if (this.state === "stopped" && this.unacked.size === 0) this.hooks.drained();
      }
    };
    const delivery: Delivery = {
      body: message.body.toString("utf8"),
      messageId: message.messageId,
      redelivered: message.redelivered,
      headers: { ...message.headers },
      ...{ author: null, replyTo: null, correlationId: null },
      ack: once(() => {}),
      release: once(() => this.queue.giveBack(message)),
      park: (reason) => once(() => this.hooks.park(message, reason))(),
    };
    try {
      this.subscription.onDelivery(delivery);
    } catch (error) {
      this.hooks.failed(error);
    }
  }

  async pause(): Promise<void> {
    if (this.state !== "running") return;
    this.state = "paused";
    this.queue.remove(this);
  }

  async resume(): Promise<void> {
    if (this.state !== "paused") return;
    this.state = "running";
    this.queue.add(this);
  }

  async stop(): Promise<void> {
    if (this.state === "abandoned" || this.state === "stopped") return;
    this.state = "stopped";
    this.queue.remove(this);
    if (this.unacked.size === 0) this.hooks.drained();
  }

  /** The connection is gone: unacked messages are delivered again, later acks do nothing. */
  abandon(): void {
    this.state = "abandoned";
    this.queue.remove(this);
    const left = [...this.unacked].reverse();
    this.unacked.clear();
    for (const message of left) this.queue.giveBack(message);
  }
}
