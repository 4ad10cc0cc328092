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
import { Link, type Session } from "./connection";
import { AmqpConsumption } from "./consumer";
import { describeAddress, endpointQueueName, PARKING, queueName, route } from "./naming";
import { Parking } from "./parking";
import { type OutgoingFrame, Publisher } from "./publisher";
import { endpointDeclarations, parkingDeclarations, Topology, typeDeclarations } from "./topology";

export interface AmqpOptions {
  uri: string;
  queueType: "classic" | "quorum";
  /** Seconds. */
  heartbeat: number;
  tls: TlsConfig | null;
  log: Log;
  /** Who only consumes uses what is there, and declares what is missing if it may; whoever publishes declares and binds all. */
  consumesOnly?: boolean;
  /** Shown in the broker's list of connections, after `tasker`. */
  name: string;
  /** Longest wait between two connection tries, milliseconds. */
  maxDelayMs?: number;
  connectTimeoutMs?: number;
  /** For the broker's answer to any request but a publish, milliseconds. */
  rpcTimeoutMs?: number;
}

/** The transport over RabbitMQ. Throws for an unusable URI or unreadable TLS files; connects only on `open`. */
export function createAmqpTransport(options: AmqpOptions): Transport {
  return new AmqpTransport(options);
}

const DEFAULT_DEADLINE_MS = 15_000;
const MESSAGE_SCHEMA = 1;

/**
 * Publishing and consuming have a connection each, because the broker stops reading one that publishes while it has an alarm,
 * acks and all. `open` makes one connection; whichever comes first, publishing or consuming, takes it, and the other makes a
 * second one when it is needed: a process that only consumes, or only publishes, has one.
 */
class AmqpTransport implements Transport {
  readonly kind = "amqp";
  private readonly log: Log;
  private readonly tls: SocketOptions;
  private readonly links: Link[] = [];
  private consuming: Link | null = null;
  private publishing: Link | null = null;
  private publisher: Publisher | null = null;
  private readonly topology: Topology;
  private readonly parking: Parking;
  private readonly consumptions = new Set<AmqpConsumption>();
  private state: "new" | "open" | "closed" = "new";

  constructor(private readonly options: AmqpOptions) {
    this.log = options.log;
    this.tls = socketOptions(options.tls);
    this.topology = new Topology(options.queueType, options.consumesOnly ?? false, this.log, () => this.anySession());
    this.parking = new Parking((frame) => this.send(frame), this.log);
    this.links.push(this.newLink());
  }

  async open(deadlineMs: number): Promise<void> {
    this.assertNotClosed();
    this.state = "open";
    const link = this.links[0]!;
    link.start();
    if (await link.up(deadlineMs)) return;
    this.assertNotClosed();
    throw new TransportError(
      "disconnected",
      `There is no connection to the broker: ${link.lastError ?? "no answer yet"}.`,
    );
  }

  async declareType(topology: TypeTopology): Promise<void> {
    this.assertNotClosed();
    // Wanted by everybody and made by whoever may: a manager with few rights finds it there when it has something to park.
    if (!this.topology.has(PARKING)) this.topology.want(parkingDeclarations()).catch(() => {});
    await Promise.all(typeDeclarations(topology).map((group) => this.topology.want(group)));
  }

  async declareEndpoint(type: string, endpoint: string): Promise<void> {
    this.assertNotClosed();
    await this.topology.want(endpointDeclarations(type, endpoint));
  }

  async removeEndpoint(type: string, endpoint: string): Promise<void> {
    this.assertNotClosed();
    await this.topology.remove(endpointQueueName(type, endpoint));
  }

  hasEndpoint(type: string, endpoint: string): boolean {
    return this.topology.has(endpointQueueName(type, endpoint));
  }

  async publish(message: Outgoing): Promise<void> {
    const { exchange, key } = route(message.address);
    const { traceparent, ...headers } = message.headers ?? {};
    await this.send({
      exchange,
      key,
      body: Buffer.from(message.body, "utf8"),
      properties: {
        messageId: message.messageId,
        correlationId: message.correlationId,
        type: message.type,
        contentType: "application/json",
        contentEncoding: "utf-8",
        appId: "tasker",
        headers: { [SCHEMA_HEADER]: MESSAGE_SCHEMA, ...headers, ...(traceparent === undefined ? {} : { traceparent }) },
      },
      deadlineMs: message.deadlineMs ?? DEFAULT_DEADLINE_MS,
      where: describeAddress(message.address),
    });
  }

  async consume(subscription: Subscription): Promise<Consumption> {
    this.assertNotClosed();
    checkPrefetch(subscription.prefetch);
    const queue = queueName(subscription.address);
    if (queue === null) throw new TypeError("A subscription needs the address of one queue.");
    this.consuming ??= this.takeLink(this.publishing);
    const consumption = new AmqpConsumption(this.consuming, queue, subscription, this.log, {
      park: (message, reason, delivery) => this.parking.park(queue, message, reason, delivery),
      doubt: () => this.topology.doubt(queue),
      ended: () => this.consumptions.delete(consumption),
    });
    this.consumptions.add(consumption);
    if (this.state === "open") await this.consuming.up(this.consuming.everUp ? 0 : 1_000);
    await consumption.start();
    return consumption;
  }

  async depth(address: Address): Promise<QueueDepth | null> {
    this.assertNotClosed();
    return this.topology.depth(address);
  }

  health(): TransportHealth {
    const down = this.links.find((link) => !link.session);
    return {
      connected: this.state === "open" && !down,
      blocked: this.links.some((link) => link.session?.blocked != null),
      inFlight: this.publisher?.inFlight ?? 0,
      reconnects: this.links.reduce((sum, link) => sum + link.reconnects, 0),
      parked: this.parking.parked,
      lastError: down?.lastError ?? this.links.find((link) => link.lastError)?.lastError ?? null,
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
    await Promise.all(this.links.map((link) => link.close(left())));
  }

  private async send(frame: OutgoingFrame): Promise<void> {
    this.assertNotClosed();
    if (frame.exchange === PARKING && !this.topology.has(PARKING)) await this.topology.want(parkingDeclarations());
    this.publishing ??= this.takeLink(this.consuming);
    const link = this.publishing;
    this.publisher ??= new Publisher(link, this.log, (exchange, key) => this.unrouted(exchange, key));
    if (!link.everUp && this.state === "open") await link.up(Math.min(frame.deadlineMs, DEFAULT_DEADLINE_MS));
    await this.publisher.publish(frame);
  }

  /** Nothing took a message, or (by `*`) an exchange is gone: whatever of it is ours is declared again. */
  private unrouted(exchange: string, key: string): void {
    if (exchange === "*") void this.topology.doubt(null);
    else void this.topology.doubt(exchange === "" ? key : exchange);
  }

  private takeLink(other: Link | null): Link {
    const first = this.links[0]!;
    if (first !== other) return first;
    const second = this.newLink();
    this.links.push(second);
    if (this.state === "open") second.start();
    return second;
  }

  private newLink(): Link {
    const {
      uri,
      heartbeat,
      name,
      maxDelayMs = 30_000,
      connectTimeoutMs = 10_000,
      rpcTimeoutMs = 10_000,
    } = this.options;
    return new Link(
      {
        uri,
        heartbeat,
        name: `tasker ${name}`,
        maxDelayMs,
        connectTimeoutMs,
        rpcTimeoutMs,
        tls: this.tls,
        log: this.log,
      },
      (session) => this.prepare(session),
    );
  }

  private async prepare(session: Session): Promise<void> {
    if (!this.topology.standing) await this.topology.redeclare(session);
  }

  /** The consuming connection first: alarms do not stop it. */
  private anySession(): Session | null {
    return (
      this.consuming?.session ?? this.publishing?.session ?? this.links.find((link) => link.session)?.session ?? null
    );
  }

  private assertNotClosed(): void {
    if (this.state === "closed") throw new TransportError("closed", "The transport to the broker has been closed.");
  }
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
