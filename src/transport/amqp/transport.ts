import { readFileSync } from "node:fs";
import type { SocketOptions } from "amqplib";
import { pause } from "../../backoff";
import type { TlsConfig } from "../../config/config";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import { checkPrefetch, SCHEMA_HEADER } from "../headers";
import type {
  Address,
  Consumption,
  Outgoing,
  QueueDepth,
  Subscription,
  Transport,
  TransportHealth,
  TypeTopology,
} from "../transport";
import { Calls } from "./calls";
import type { Link } from "./connection";
import { AmqpConsumption, type ConsumerHooks } from "./consumer";
import { CALLS_GROUP, endpointGroup, PARKING_GROUP, REPORTS_GROUP, typeGroups } from "./declarations";
import { Links } from "./links";
import { CALLS, describeAddress, endpointQueueName, PARKING, queueName, REPORTS, route } from "./naming";
import { Parking } from "./parking";
import { DEFAULT_DEADLINE_MS, type OutgoingFrame, REPLIES } from "./publish-channel";
import { ConfirmPublisher } from "./publisher";
import { Topology } from "./topology";

export interface AmqpOptions {
  uri: string;
  queueType: "classic" | "quorum";
  /** Seconds. */
  heartbeat: number;
  tls: TlsConfig | null;
  log: Log;
  /** Uses what is there, and declares what is missing if it may. */
  consumesOnly?: boolean;
  /** Makes calls to the recorder. */
  calls?: boolean;
  /** Shown in the broker's list of connections, after `tasker`. */
  name: string;
  /** Longest wait between two connection tries, milliseconds. */
  maxDelayMs?: number;
  connectTimeoutMs?: number;
  /** For the broker's answer to any request but a publish, milliseconds. */
  rpcTimeoutMs?: number;
}

/** The transport over RabbitMQ. Throws for an unusable URI or unreadable TLS files. */
export function createAmqpTransport(options: AmqpOptions): Transport {
  return new AmqpTransport(options);
}

const LIMITS = { maxDelayMs: 30_000, connectTimeoutMs: 10_000, rpcTimeoutMs: 10_000 };
const MESSAGE_SCHEMA = 1;

/** The promises of `Transport` over RabbitMQ, put together from the parts of this folder. */
class AmqpTransport implements Transport {
  readonly kind = "amqp";
  private readonly log: Log;
  private readonly links: Links;
  private readonly topology: Topology;
  private readonly parking: Parking;
  private readonly calls: Calls | null;
  /** The broker's user: it checks that a message names its author rightly. */
  private readonly user: string;
  private publisher: ConfirmPublisher | null = null;
  private readonly consumptions = new Set<AmqpConsumption>();
  private state: "new" | "open" | "closed" = "new";
  /** How often this process had reconnected at its last `markBoot`. */
  private markedAt: number | null = null;

  constructor(options: AmqpOptions) {
    const { queueType, consumesOnly = false, log, name, tls } = options;
    this.log = log;
    this.calls = options.calls ? new Calls() : null;
    this.user = decodeURIComponent(new URL(options.uri).username) || "guest";
    this.links = new Links({ ...LIMITS, ...options, name: `tasker ${name}`, tls: socketOptions(tls) });
    this.topology = new Topology({ queueType, finds: consumesOnly, log }, this.links);
    this.parking = new Parking((frame) => this.send(frame), log);
  }

  async open(deadlineMs: number): Promise<void> {
    this.assertNotClosed();
    this.state = "open";
    const { up, why } = await this.links.start((session) => this.topology.redeclare(session), deadlineMs);
    if (up) return;
    this.assertNotClosed();
    throw new TransportError("disconnected", `There is no connection to the broker: ${why ?? "no answer yet"}.`);
  }

  async declareType(topology: TypeTopology): Promise<void> {
    this.assertNotClosed();
    // Wanted by all and made by who may: a manager with few rights finds it there.
    if (!this.topology.has(PARKING)) this.topology.want(PARKING_GROUP).catch(() => {});
    await Promise.all(typeGroups(topology).map((group) => this.topology.want(group)));
  }

  async declareEndpoint(type: string, endpoint: string): Promise<void> {
    this.assertNotClosed();
    await this.topology.want(endpointGroup(type, endpoint));
  }

  async removeEndpoint(type: string, endpoint: string): Promise<void> {
    this.assertNotClosed();
    await this.topology.remove(endpointQueueName(type, endpoint));
  }

  hasEndpoint(type: string, endpoint: string): boolean {
    return this.topology.has(endpointQueueName(type, endpoint));
  }

  async publish(message: Outgoing): Promise<void> {
    await this.send(this.frameOf(message));
  }

  async declareRecorder(): Promise<void> {
    this.assertNotClosed();
    await Promise.all([REPORTS_GROUP, CALLS_GROUP].map((group) => this.topology.want(group)));
  }

  call(message: Outgoing): Promise<string> {
    const { calls } = this;
    if (!calls) throw new TypeError("This transport was made without calls.");
    const frame = this.frameOf(message);
    const reply = calls.expect(message.messageId, frame.deadlineMs);
    // What nobody has taken by then is answered too late.
    const expiration = String(frame.deadlineMs);
    const properties = { ...frame.properties, replyTo: REPLIES, expiration };
    this.send({ ...frame, properties }).catch((error: Error) => calls.fail(message.messageId, error));
    return reply;
  }

  private frameOf(message: Outgoing): OutgoingFrame {
    const { exchange, key } = route(message.address);
    const { traceparent, ...headers } = message.headers ?? {};
    return {
      exchange,
      key,
      body: Buffer.from(message.body, "utf8"),
      properties: {
        messageId: message.messageId,
        correlationId: message.correlationId,
        type: message.type,
        contentType: "application/json",
        contentEncoding: "utf-8",
        // A flush to disk costs more than the rest of a wake-up, which the store can make again.
        persistent: message.persistent ?? message.address.to === "dead",
        ...(isForRecorder(key) ? { userId: this.user } : {}),
        appId: "tasker",
        headers: { [SCHEMA_HEADER]: MESSAGE_SCHEMA, ...headers, ...(traceparent === undefined ? {} : { traceparent }) },
      },
      deadlineMs: message.deadlineMs ?? DEFAULT_DEADLINE_MS,
      where: describeAddress(message.address),
    };
  }

  async consume(subscription: Subscription): Promise<Consumption> {
    this.assertNotClosed();
    checkPrefetch(subscription.prefetch);
    const queue = queueName(subscription.address);
    if (queue === null) throw new TypeError("A subscription needs the address of one queue.");
    const link = this.links.forConsuming();
    const hooks: ConsumerHooks = {
      park: (message, reason, delivery) => this.parking.park(queue, message, reason, delivery),
      doubt: () => this.topology.doubt(queue),
      ended: (ended) => this.consumptions.delete(ended),
    };
    const consumption = new AmqpConsumption(
      { link, channels: this.links.channels },
      queue,
      subscription,
      hooks,
      this.log,
    );
    this.consumptions.add(consumption);
    if (this.state === "open") await link.up(link.everUp ? 0 : 1_000);
    await consumption.start();
    return consumption;
  }

  async depth(address: Address): Promise<QueueDepth | null> {
    this.assertNotClosed();
    return this.topology.depth(address);
  }

  async lostMessages(): Promise<boolean> {
    this.assertNotClosed();
    if (this.markedAt === this.reconnects) return false;
    return this.markedAt !== null || !(await this.topology.bootIsMarked());
  }

  async markBoot(): Promise<void> {
    this.assertNotClosed();
    const { reconnects } = this;
    await this.topology.markBoot();
    this.markedAt = reconnects;
  }

  private get reconnects(): number {
    return this.links.all().reduce((sum, link) => sum + link.reconnects, 0);
  }

  health(): TransportHealth {
    const links = this.links.all();
    const down = links.find((link) => !link.session);
    return {
      connected: this.state === "open" && !down,
      blocked: links.some((link) => link.session?.blocked != null),
      inFlight: this.publisher?.inFlight ?? 0,
      reconnects: this.reconnects,
      parked: this.parking.parked,
      lastError: down?.lastError ?? links.find((link) => link.lastError)?.lastError ?? null,
    };
  }

  async close(deadlineMs: number): Promise<void> {
    if (this.state === "closed") return;
    this.state = "closed";
    const end = performance.now() + deadlineMs;
    const left = () => Math.max(50, end - performance.now());
    this.parking.close();
    await this.publisher?.close(left() / 2);
    const ending = Promise.all([...this.consumptions].map((consumption) => consumption.end()));
    await Promise.race([ending, pause(left() / 2, undefined, { ref: false })]);
    this.consumptions.clear();
    this.topology.close();
    await Promise.all(this.links.all().map((link) => link.close(left())));
  }

  private async send(frame: OutgoingFrame): Promise<void> {
    this.assertNotClosed();
    if (frame.exchange === PARKING && !this.topology.has(PARKING)) await this.topology.want(PARKING_GROUP);
    if (isForRecorder(frame.key) && !this.topology.has(frame.key)) await this.declareRecorder();
    const link = this.links.forPublishing();
    this.publisher ??= this.newPublisher(link);
    if (!link.everUp && this.state === "open") await link.up(Math.min(frame.deadlineMs, DEFAULT_DEADLINE_MS));
    await this.publisher.publish(frame);
  }

  private newPublisher(link: Link): ConfirmPublisher {
    const { calls } = this;
    if (calls) link.watch(calls);
    return new ConfirmPublisher(link, this.topology, this.log, calls && ((message) => calls.replied(message)));
  }

  private assertNotClosed(): void {
    if (this.state === "closed") throw new TransportError("closed", "The transport to the broker has been closed.");
  }
}

function isForRecorder(key: string): boolean {
  return key === REPORTS || key === CALLS;
}

function socketOptions(tls: TlsConfig | null): SocketOptions {
  if (!tls) return {};
  const pem = (file: string | null) => (file === null ? undefined : readFileSync(file));
  return {
    ca: tls.caFile === null ? undefined : [readFileSync(tls.caFile)],
    cert: pem(tls.certFile),
    key: pem(tls.keyFile),
    rejectUnauthorized: tls.verify,
  } as SocketOptions;
}
