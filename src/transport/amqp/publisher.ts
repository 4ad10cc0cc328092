import { type ConfirmChannel, IllegalOperationError, type Message, type Options } from "amqplib";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import type { Link, Session, Watcher } from "./connection";
import { replyCode } from "./words";

/**
 * The one way to publish: persistent, mandatory, confirmed, many at once.
 *
 *   publish ─▶ waiting ──room in flight, socket writable──▶ in flight ──confirm──▶ resolved
 *                 │                                             ├─ returned ─────▶ unroutable
 *                 └─ disconnected, blocked, too late            └─ nack, closed, too late ─▶ refused, unconfirmed
 *
 * Nothing is kept over a connection: what rejects is published again from the outbox. A message past its deadline makes its
 * channel retire: new messages go to a new one, and the old one is closed when the last of its own is settled.
 */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** Callers that may wait for room. */
const MAX_WAITING = 10_000;
/** RabbitMQ 4 closes the channel over a larger message, and every message beside it would be unconfirmed. */
const MAX_BODY = 16 * 1024 * 1024;
const SWEEP_MS = 200;

export interface OutgoingFrame {
  exchange: string;
  key: string;
  body: Buffer;
  properties: Options.Publish;
  deadlineMs: number;
  /** For messages: where it was going. */
  where: string;
}

interface Pending extends OutgoingFrame {
  expiresAt: number;
  lane: Lane | null;
  settled: boolean;
  resolve(): void;
  reject(error: TransportError): void;
}

interface Lane {
  session: Session;
  channel: ConfirmChannel;
  inFlight: Set<Pending>;
  /** Keys of returned messages, with how many of each; a return always comes before its confirm. */
  returned: Map<string, number>;
  writable: boolean;
  retired: boolean;
}

export class Publisher implements Watcher {
  private lane: Lane | null = null;
  private opening = false;
  private closed = false;
  private readonly waiting: Pending[] = [];
  private readonly lanes = new Set<Lane>();
  private messages = 0;
  private bytes = 0;
  private sweeper: NodeJS.Timeout | null = null;
  private readonly idle = new Set<() => void>();

  /** `doubt` is told where a message found no queue; `*` when an exchange is gone and it is not known which. */
  constructor(
    private readonly link: Link,
    private readonly log: Log,
    private readonly doubt: (exchange: string, key: string) => void,
  ) {
    link.watch(this);
  }

  get inFlight(): number {
    return this.messages;
  }

  ready(): void {
    this.pump();
  }

  lost(session: Session): void {
    for (const lane of [...this.lanes]) if (lane.session === session) this.laneClosed(lane);
    for (const one of this.waiting.splice(0)) this.fail(one, "disconnected", "the connection to the broker was lost");
  }

  publish(frame: OutgoingFrame): Promise<void> {
    const refused = this.refusal(frame);
    if (refused) return Promise.reject(refused);
    return new Promise<void>((resolve, reject) => {
      const expiresAt = performance.now() + frame.deadlineMs;
      this.waiting.push({ ...frame, expiresAt, lane: null, settled: false, resolve, reject });
      this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS);
      this.pump();
    });
  }

  /** Takes no more; what is under way may settle until `deadlineMs`, then it rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    if (this.sweeper) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.idle.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    const left = [...this.waiting, ...[...this.lanes].flatMap((lane) => [...lane.inFlight])];
    for (const one of left) this.fail(one, "closed", "the transport was closed before the broker confirmed it");
    this.sweep();
  }

  private refusal(frame: OutgoingFrame): TransportError | null {
    const id = frame.properties.messageId;
    if (this.closed) return new TransportError("closed", `Message ${id} was not sent: the transport is closed.`);
    const session = this.link.session;
    if (!session) {
      const why = this.link.lastError ?? "the connection is being made";
      return new TransportError("disconnected", `Message ${id} was not sent: ${why}.`);
    }
    if (session.blocked !== null) {
      return new TransportError("blocked", `Message ${id} was not sent: the broker takes none (${session.blocked}).`);
    }
    if (this.waiting.length >= MAX_WAITING) {
      return new TransportError(
        "blocked",
        `Message ${id} was not sent: ${MAX_WAITING} others wait for the broker already.`,
      );
    }
    if (frame.body.length > MAX_BODY) {
      return new TransportError("refused", `Message ${id} has ${frame.body.length} bytes; the most is ${MAX_BODY}.`);
    }
    return null;
  }

  private pump(): void {
    while (this.waiting.length > 0) {
      const lane = this.lane;
      if (!lane) {
        void this.openLane();
        return;
      }
      if (!lane.writable || lane.session.blocked !== null) return;
      const next = this.waiting[0]!;
      if (this.messages > 0 && (this.messages >= MAX_MESSAGES || this.bytes + next.body.length > MAX_BYTES)) return;
      this.waiting.shift();
      if (!next.settled) this.send(lane, next);
    }
  }

  private send(lane: Lane, one: Pending): void {
    const options = { ...one.properties, persistent: true, mandatory: true };
    try {
      lane.writable = lane.channel.publish(one.exchange, one.key, one.body, options, (error: unknown) => {
        this.confirmed(lane, one, error);
      });
    } catch (error) {
      if (error instanceof IllegalOperationError) {
        // The channel is closing and says so in a moment: then it is decided what becomes of those that wait.
        lane.writable = false;
        this.waiting.unshift(one);
      } else this.fail(one, "refused", (error as Error).message);
      return;
    }
    one.lane = lane;
    lane.inFlight.add(one);
    this.messages++;
    this.bytes += one.body.length;
  }

  private confirmed(lane: Lane, one: Pending, error: unknown): void {
    const key = returnKey(one.exchange, one.key, one.properties.messageId);
    const times = lane.returned.get(key) ?? 0;
    if (times > 1) lane.returned.set(key, times - 1);
    else if (times === 1) lane.returned.delete(key);
    if (one.settled) return;
    if (error) {
      const nacked = (error as Error).message === "message nacked";
      const why = nacked ? "the broker could not store it" : "the channel was closed before the broker confirmed it";
      this.fail(one, nacked ? "refused" : "unconfirmed", why);
    } else if (times > 0) {
      this.fail(one, "unroutable", `there is no ${one.where}`);
      this.doubt(one.exchange, one.key);
    } else {
      this.settle(one);
      one.resolve();
    }
    this.pump();
  }

  private fail(one: Pending, reason: TransportError["reason"], why: string): void {
    if (one.settled) return;
    this.settle(one);
    one.reject(
      new TransportError(reason, `Message ${one.properties.messageId} to ${one.where} was not taken: ${why}.`),
    );
  }

  private settle(one: Pending): void {
    one.settled = true;
    const lane = one.lane;
    if (!lane?.inFlight.delete(one)) return;
    this.messages--;
    this.bytes -= one.body.length;
    if (lane.retired && lane.inFlight.size === 0) void lane.session.closeChannel(lane.channel);
  }

  private async openLane(): Promise<void> {
    const session = this.link.session;
    if (this.opening || !session) return;
    this.opening = true;
    try {
      let lane: Lane | null = null;
      const channel = await session.openConfirmChannel((error) => this.channelFailed(error));
      lane = { session, channel, inFlight: new Set(), returned: new Map(), writable: true, retired: false };
      const opened = lane;
      channel.on("return", (message) => noteReturn(opened, message));
      channel.on("drain", () => {
        opened.writable = true;
        this.pump();
      });
      channel.on("close", () => this.laneClosed(opened));
      this.lanes.add(opened);
      if (session.alive) this.lane = opened;
    } catch (error) {
      // Without an answer the session has been killed, which rejects what waits; else the broker refuses channels.
      for (const one of this.waiting.splice(0)) this.fail(one, "unconfirmed", (error as Error).message);
    } finally {
      this.opening = false;
    }
    this.pump();
  }

  private channelFailed(error: Error): void {
    this.log.warn({}, `The broker closed the publishing channel: ${error.message}`);
    if (replyCode(error) === 404) this.doubt("*", "*");
  }

  private laneClosed(lane: Lane): void {
    this.lanes.delete(lane);
    if (this.lane === lane) this.lane = null;
    for (const one of [...lane.inFlight]) {
      this.fail(one, "unconfirmed", "the channel was closed before the broker confirmed it");
    }
    this.pump();
  }

  /** Deadlines are looked at a few times a second for all messages together: no timer of its own for each. */
  private sweep(): void {
    const now = performance.now();
    for (const lane of [...this.lanes]) {
      for (const one of [...lane.inFlight]) if (one.expiresAt <= now) this.expire(lane, one);
    }
    for (const one of this.waiting) {
      const { session } = this.link;
      if (session?.blocked) this.fail(one, "blocked", `the broker takes none (${session.blocked})`);
      else if (one.expiresAt <= now) this.fail(one, "unconfirmed", "it waited too long to be sent");
    }
    while (this.waiting[0]?.settled) this.waiting.shift();
    if (this.messages > 0 || this.waiting.length > 0) return;
    if (this.sweeper) clearInterval(this.sweeper);
    this.sweeper = null;
    for (const done of this.idle) done();
    this.idle.clear();
  }

  private expire(lane: Lane, one: Pending): void {
    const blocked = lane.session.blocked;
    // A blocked connection is not read: a new channel would not come either, and the old one works again afterwards.
    if (blocked === null && !lane.retired) this.retire(lane);
    this.fail(one, blocked === null ? "unconfirmed" : "blocked", `no confirm within ${one.deadlineMs} ms`);
  }

  private retire(lane: Lane): void {
    lane.retired = true;
    if (this.lane === lane) this.lane = null;
    this.log.warn(
      { in_flight: lane.inFlight.size },
      "The broker did not confirm in time; the publishing channel is replaced.",
    );
    // Opened even when nothing waits: a broker that does not answer this either is gone, and the connection with it.
    void this.openLane();
  }
}

function noteReturn(lane: Lane, message: Message): void {
  const { exchange, routingKey } = message.fields;
  const key = returnKey(exchange, routingKey, message.properties.messageId);
  lane.returned.set(key, (lane.returned.get(key) ?? 0) + 1);
}

function returnKey(exchange: string, key: string, messageId: string | undefined): string {
  return `${exchange}\n${key}\n${messageId ?? ""}`;
}
