import type { ConsumeMessage } from "amqplib";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import type { Link, Watcher } from "./connection";
import { type Answer, type OutgoingFrame, type Pending, PublishChannel } from "./publish-channel";
import type { Session } from "./session";
import type { Topology } from "./topology";
import { replyCode } from "./words";

/** In flight at once. */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** Callers that may wait for room. */
const MAX_WAITING = 10_000;
/** RabbitMQ 4 closes the channel over a larger message, which leaves the others unconfirmed. */
const MAX_BODY = 16 * 1024 * 1024;
const EXPIRE_EVERY_MS = 200;

/**
 * The one way to publish: mandatory, confirmed, many at once.
 *
 *   publish ─▶ waiting ──room in flight, socket writable──▶ in flight ──confirm──▶ resolved
 *                 │                                             ├─ returned ─────▶ unroutable
 *                 └─ disconnected, blocked, too late            └─ nack, closed, late ─▶ refused, …
 *
 * Nothing is kept over a connection: what rejects is published again from the outbox. A message
 * past its deadline retires its channel. New messages go to a new one, and the old one is closed
 * when nothing of it is in flight.
 */
export class ConfirmPublisher implements Watcher {
  /** Where messages go now; retired ones are in `channels` only. */
  private current: PublishChannel | null = null;
  private readonly channels = new Set<PublishChannel>();
  private opening = false;
  private closed = false;
  private readonly waiting: Pending[] = [];
  private messages = 0;
  private bytes = 0;
  private expirer: NodeJS.Timeout | null = null;
  private readonly idle = new Set<() => void>();

  constructor(
    private readonly link: Link,
    private readonly topology: Topology,
    private readonly log: Log,
    /** Takes the replies to calls; null: there are none. */
    private readonly onReply: ((message: ConsumeMessage) => void) | null = null,
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
    for (const channel of [...this.channels]) if (channel.session === session) this.channelClosed(channel);
    this.failWaiting("disconnected", "the connection to the broker was lost");
  }

  publish(frame: OutgoingFrame): Promise<void> {
    const refused = this.refusal(frame);
    if (refused) return Promise.reject(refused);
    return new Promise<void>((resolve, reject) => {
      const expiresAt = performance.now() + frame.deadlineMs;
      this.waiting.push({ ...frame, expiresAt, channel: null, done: false, resolve, reject });
      this.expirer ??= setInterval(() => this.expire(), EXPIRE_EVERY_MS);
      this.pump();
    });
  }

  /** Takes no more. What is under way may resolve until `deadlineMs`, then it rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    if (this.expirer) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.idle.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    const left = [...this.waiting, ...[...this.channels].flatMap(({ inFlight }) => [...inFlight])];
    for (const one of left) this.fail(one, "closed", "the transport was closed before the broker confirmed it");
    this.expire();
  }

  private refusal({ properties: { messageId }, body }: OutgoingFrame): TransportError | null {
    const notSent = (reason: TransportError["reason"], why: string) =>
      new TransportError(reason, `Message ${messageId} was not sent: ${why}.`);
    const { session, lastError } = this.link;
    if (this.closed) return notSent("closed", "the transport is closed");
    if (!session) return notSent("disconnected", lastError ?? "the connection is being made");
    if (session.blocked !== null) return notSent("blocked", `the broker takes none (${session.blocked})`);
    if (this.waiting.length >= MAX_WAITING)
      return notSent("blocked", `${MAX_WAITING} others wait for the broker already`);
    if (body.length > MAX_BODY) {
      return new TransportError("refused", `Message ${messageId} has ${body.length} bytes; the most is ${MAX_BODY}.`);
    }
    return null;
  }

  private pump(): void {
    while (this.waiting.length > 0) {
      const channel = this.current;
      if (!channel) {
        void this.open();
        return;
      }
      if (!channel.writable || channel.session.blocked !== null) return;
      const next = this.waiting[0]!;
      if (this.messages > 0 && (this.messages >= MAX_MESSAGES || this.bytes + next.body.length > MAX_BYTES)) return;
      this.waiting.shift();
      if (!next.done) this.send(channel, next);
    }
  }

  private send(channel: PublishChannel, one: Pending): void {
    try {
      // The channel is closing. Its `close` event decides what becomes of those that wait.
      if (!channel.send(one, (answer) => this.answered(one, answer))) {
        this.waiting.unshift(one);
        return;
      }
    } catch (error) {
      this.fail(one, "refused", (error as Error).message);
      return;
    }
    one.channel = channel;
    channel.inFlight.add(one);
    this.messages++;
    this.bytes += one.body.length;
  }

  private answered(one: Pending, answer: Answer): void {
    if (one.done) return;
    if (answer === "confirmed") {
      this.end(one);
      one.resolve();
    } else if (answer === "returned") {
      this.fail(one, "unroutable", `there is no ${one.where}`);
      void this.topology.doubt(one.exchange || one.key);
    } else if (answer === "nacked") this.fail(one, "refused", "the broker could not store it");
    else this.fail(one, "unconfirmed", "the channel was closed before the broker confirmed it");
    this.pump();
  }

  private fail(one: Pending, reason: TransportError["reason"], why: string): void {
    if (one.done) return;
    this.end(one);
    one.reject(
      new TransportError(reason, `Message ${one.properties.messageId} to ${one.where} was not taken: ${why}.`),
    );
  }

  private failWaiting(reason: TransportError["reason"], why: string): void {
    for (const one of this.waiting.splice(0)) this.fail(one, reason, why);
  }

  private end(one: Pending): void {
    one.done = true;
    const { channel } = one;
    if (!channel?.inFlight.delete(one)) return;
    this.messages--;
    this.bytes -= one.body.length;
    if (channel.retired && channel.inFlight.size === 0) channel.close();
  }

  private async open(): Promise<void> {
    const { session } = this.link;
    if (this.opening || !session) return;
    this.opening = true;
    try {
      const channel = await PublishChannel.open(session, {
        failed: (error) => this.channelFailed(error),
        drained: () => this.pump(),
        closed: (closed) => this.channelClosed(closed),
        ...(this.onReply ? { replied: this.onReply } : {}),
      });
      this.channels.add(channel);
      if (session.alive) this.current = channel;
    } catch (error) {
      // Without an answer the session was killed; else the broker refuses channels.
      this.failWaiting("unconfirmed", (error as Error).message);
    } finally {
      this.opening = false;
    }
    this.pump();
  }

  private channelFailed(error: Error): void {
    this.log.warn({}, `The broker closed the publishing channel: ${error.message}`);
    // An exchange is gone, and it is not known which.
    if (replyCode(error) === 404) void this.topology.doubt(null);
  }

  private channelClosed(channel: PublishChannel): void {
    this.channels.delete(channel);
    if (this.current === channel) this.current = null;
    for (const one of [...channel.inFlight]) this.answered(one, "closed");
    this.pump();
  }

  /** One timer looks at all deadlines a few times a second; a message has no timer of its own. */
  private expire(): void {
    const now = performance.now();
    for (const channel of [...this.channels]) {
      for (const one of [...channel.inFlight]) if (one.expiresAt <= now) this.expireOne(channel, one);
    }
    const blocked = this.link.session?.blocked;
    for (const one of this.waiting) {
      if (blocked) this.fail(one, "blocked", `the broker takes none (${blocked})`);
      else if (one.expiresAt <= now) this.fail(one, "unconfirmed", "it waited too long to be sent");
    }
    while (this.waiting[0]?.done) this.waiting.shift();
    if (this.messages > 0 || this.waiting.length > 0) return;
    if (this.expirer) clearInterval(this.expirer);
    this.expirer = null;
    for (const done of this.idle) done();
    this.idle.clear();
  }

  private expireOne(channel: PublishChannel, one: Pending): void {
    const { blocked } = channel.session;
    // A blocked connection is not read, so a new channel would not open; the old one works later.
    if (blocked === null && !channel.retired) this.retire(channel);
    this.fail(one, blocked === null ? "unconfirmed" : "blocked", `no confirm within ${one.deadlineMs} ms`);
  }

  private retire(channel: PublishChannel): void {
    channel.retired = true;
    if (this.current === channel) this.current = null;
    this.log.warn(
      { in_flight: channel.inFlight.size },
      "The broker did not confirm in time; the publishing channel is replaced.",
    );
    // Opened even when nothing waits: a broker that does not answer this either is gone.
    void this.open();
  }
}
