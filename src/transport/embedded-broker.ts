import { BANDS } from "../model/priority";
import { ALL_KEY, endpointQueueName, oneKey, PARKING, route, sharedQueueName } from "./amqp/naming";
import type { Address, TypeTopology } from "./transport";

/**
 * The broker of embedded mode: exchanges, queues and consumers in this process's memory. It keeps
 * nothing over a restart; the store does, and the reconciler publishes again what is still due.
 *
 * Deliveries leave in passes of at most BATCH per queue, each in a turn of the event loop of its
 * own, so that neither a full queue nor a busy consumer starves timers and sockets.
 */
const BATCH = 64;

/** Like a real broker's memory alarm: publishes are refused above it. */
export const MEMORY_LIMIT = 256 * 1024 * 1024;

export interface StoredMessage {
  body: Buffer;
  messageId: string | null;
  headers: Record<string, unknown>;
  redelivered: boolean;
}

export interface EmbeddedConsumer {
  /** How many more it takes now. */
  capacity(): number;
  /** Must not throw. */
  deliver(message: StoredMessage): void;
}

export class EmbeddedQueue {
  private readonly ready: StoredMessage[] = [];
  private head = 0;
  /** Given back; they go out before the others, the last returned first. */
  private readonly returned: StoredMessage[] = [];
  private readonly consumers: EmbeddedConsumer[] = [];
  private turn = 0;
  private scheduled = false;
  /** A consumer may wait for a queue that is not declared yet; it takes no publish. */
  declared = false;

  constructor(
    readonly name: string,
    private readonly memory: { bytes: number },
  ) {}

  get length(): number {
    return this.ready.length - this.head + this.returned.length;
  }

  get consumerCount(): number {
    return this.consumers.length;
  }

  push(message: StoredMessage): void {
    this.ready.push(message);
    this.memory.bytes += message.body.length;
    this.schedule();
  }

  giveBack(message: StoredMessage): void {
    // Gone with its queue.
    if (!this.declared) return;
    this.returned.push({ ...message, redelivered: true });
    this.memory.bytes += message.body.length;
    this.schedule();
  }

  /** Throws away what is ready. */
  clear(): void {
    while (this.length > 0) this.take();
  }

  add(consumer: EmbeddedConsumer): void {
    this.consumers.push(consumer);
    this.schedule();
  }

  remove(consumer: EmbeddedConsumer): void {
    const at = this.consumers.indexOf(consumer);
    if (at >= 0) this.consumers.splice(at, 1);
  }

  /** Called when messages or capacity may have appeared. */
  schedule(): void {
    if (this.scheduled || this.length === 0 || this.consumers.length === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.pass();
    });
  }

  private pass(): void {
    for (let sent = 0; sent < BATCH && this.length > 0; sent++) {
      const consumer = this.nextConsumer();
      if (!consumer) return;
      consumer.deliver(this.take());
    }
    this.schedule();
  }

  /** The next in turn that has room. */
  private nextConsumer(): EmbeddedConsumer | null {
    const count = this.consumers.length;
    for (let step = 0; step < count; step++) {
      const at = (this.turn + step) % count;
      const consumer = this.consumers[at]!;
      if (consumer.capacity() > 0) {
        this.turn = at + 1;
        return consumer;
      }
    }
    return null;
  }

  private take(): StoredMessage {
    const message = this.returned.pop() ?? this.ready[this.head++]!;
    if (this.head > 1024 && this.head * 2 > this.ready.length) {
      this.ready.splice(0, this.head);
      this.head = 0;
    }
    this.memory.bytes -= message.body.length;
    return message;
  }
}

export class EmbeddedBroker {
  private readonly queues = new Map<string, EmbeddedQueue>();
  /** exchange → routing key → queues */
  private readonly bindings = new Map<string, Map<string, Set<EmbeddedQueue>>>();
  /** Bytes of all ready messages. */
  private readonly memory = { bytes: 0 };

  constructor() {
    this.declare(PARKING);
    this.bind({ to: "dead" }, PARKING);
  }

  declareType({ type, deliver }: TypeTopology): void {
    if (deliver !== "one") return;
    for (const band of BANDS) {
      this.declare(sharedQueueName(type, band));
      this.bind({ to: "one", type, band }, sharedQueueName(type, band), oneKey(band));
    }
  }

  declareEndpoint(type: string, endpoint: string): void {
    const name = endpointQueueName(type, endpoint);
    this.declare(name);
    this.bind({ to: "all", type }, name, ALL_KEY);
  }

  /** Its consumers stay, and get what comes should it be declared again. */
  removeEndpoint(type: string, endpoint: string): void {
    const queue = this.queues.get(endpointQueueName(type, endpoint));
    if (!queue) return;
    queue.declared = false;
    queue.clear();
    this.bindings
      .get(route({ to: "all", type }).exchange)
      ?.get(ALL_KEY)
      ?.delete(queue);
  }

  /** The queue of that name, declared or not. */
  queue(name: string): EmbeddedQueue {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = new EmbeddedQueue(name, this.memory);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /** The queues that a publish to the address reaches; none: unroutable. */
  targets(address: Address): EmbeddedQueue[] {
    const { exchange, key } = route(address);
    if (exchange === "") {
      const queue = this.queues.get(key);
      return queue?.declared ? [queue] : [];
    }
    return [...(this.bindings.get(exchange)?.get(key) ?? [])];
  }

  get full(): boolean {
    return this.memory.bytes > MEMORY_LIMIT;
  }

  private declare(name: string): void {
    this.queue(name).declared = true;
  }

  private bind(address: Address, queueName: string, key = PARKING): void {
    const { exchange } = route(address);
    const keys = this.bindings.get(exchange) ?? new Map<string, Set<EmbeddedQueue>>();
    this.bindings.set(exchange, keys);
    const bound = keys.get(key) ?? new Set();
    keys.set(key, bound.add(this.queue(queueName)));
  }
}
