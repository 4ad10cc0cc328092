import { type ChannelModel, connect, type SocketOptions } from "amqplib";
import { backoffMs } from "../../backoff";
import type { Log } from "../../log";
import { within } from "./deadline";
import { Session } from "./session";
import { inWords } from "./words";

export interface LinkOptions {
  uri: string;
  /** Seconds. */
  heartbeat: number;
  tls: SocketOptions;
  log: Log;
  /** Shown in the broker's list of connections. */
  name: string;
  /** Longest wait between two tries, milliseconds. */
  maxDelayMs: number;
  /** For TCP, TLS and AMQP handshakes together. */
  connectTimeoutMs: number;
  /** For any answer of the broker to a request. */
  rpcTimeoutMs: number;
}

const FIRST_DELAY_MS = 200;
const LAST_WORDS_MS = 1_000;
/** Finds a restarted broker within 1 s; a refused connection costs little. */
const REFUSED_DELAY_MS = 1_000;
/** Any other failure costs the broker something: after two minutes the tries thin out. */
const SHORT_OUTAGE_MS = 120_000;

/** Is called at each session's begin and end. Must not throw. */
export interface Watcher {
  ready(session: Session): void;
  lost(session: Session): void;
}

/**
 * Keeps one connection to the broker up.
 *
 *   idle ──start──▶ connecting ──handshake, prepare──▶ up ──lost──▶ waiting ──▶ connecting …
 *                        └──────────refused, timeout───────────────────▲
 *
 * Each connection is a Session. Whatever belongs to an earlier one is dropped silently. A session
 * is lost by its `close` event alone (a forced close emits no `error`), or by our own `kill` when
 * the peer stops answering. A frozen peer never answers a close either, so the socket is destroyed
 * through the abort signal that it was made with.
 */
export class Link {
  /** Usable: connected and prepared. */
  session: Session | null = null;
  reconnects = 0;
  lastError: string | null = null;
  /** Has been up at least once. */
  everUp = false;
  private current: Session | null = null;
  private connecting: AbortController | null = null;
  private timer: NodeJS.Timeout | null = null;
  private started = false;
  private prepare: (session: Session) => Promise<void> = async () => {};
  private closed = false;
  private tries = 0;
  private downSince = 0;
  private readonly watchers = new Set<Watcher>();
  private readonly waiters = new Set<() => void>();
  private readonly where: string;
  private readonly url: string;

  constructor(private readonly options: LinkOptions) {
    const url = new URL(options.uri);
    this.where = `the broker at ${url.host}`;
    url.searchParams.set("heartbeat", String(options.heartbeat));
    this.url = url.toString();
  }

  watch(watcher: Watcher): void {
    this.watchers.add(watcher);
  }

  unwatch(watcher: Watcher): void {
    this.watchers.delete(watcher);
  }

  /** @param prepare runs on each new session before it counts as up; it must not reject */
  start(prepare: (session: Session) => Promise<void>): void {
    if (this.started || this.closed) return;
    this.started = true;
    this.prepare = prepare;
    this.downSince = performance.now();
    void this.connect();
  }

  /** Resolves true when up, false after `deadlineMs` or on close. */
  async up(deadlineMs: number): Promise<boolean> {
    if (this.session || this.closed) return this.session !== null;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, deadlineMs);
      this.waiters.add(done);
    });
    return this.session !== null;
  }

  /** Closes within `deadlineMs`, politely if the broker answers. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.connecting?.abort();
    const session = this.current;
    if (session) {
      await within(session.model.close(), deadlineMs, "closing the connection").catch(() => {});
      session.kill("closed");
    }
    for (const waiter of [...this.waiters]) waiter();
  }

  private async connect(): Promise<void> {
    const socket = new AbortController();
    this.connecting = socket;
    const timer = setTimeout(() => socket.abort(), this.options.connectTimeoutMs);
    try {
      const model = await connect(this.url, {
        ...this.options.tls,
        noDelay: true,
        keepAlive: true,
        clientProperties: { connection_name: this.options.name },
        // For net.connect and tls.connect: it reaches the socket in every state of the connection.
        signal: socket.signal,
      } as SocketOptions);
      const session = this.adopt(model, socket);
      clearTimeout(timer);
      if (this.closed) return session.kill("closed");
      await this.prepare(session);
      if (session.alive) this.ready(session);
    } catch (error) {
      socket.abort();
      if (!this.closed) this.failed(inWords(error, this.where), isRefused(error));
    } finally {
      clearTimeout(timer);
      if (this.connecting === socket) this.connecting = null;
    }
  }

  private adopt(model: ChannelModel, socket: AbortController): Session {
    let cause: Error | null = null;
    model.on("error", (error) => {
      cause = error;
    });
    model.on("handler-error", (error) => {
      this.options.log.error({ err: error }, "A listener of the broker connection threw.");
    });
    const session = new Session(model, this.options.rpcTimeoutMs, (reason) => {
      socket.abort();
      this.lost(session, reason);
    });
    model.on("close", (error) => {
      const why = cause ?? error;
      this.lost(session, why ? inWords(why, this.where) : `${this.where} closed the connection`);
      // Time for the closing handshake; then the socket is destroyed.
      setTimeout(() => socket.abort(), LAST_WORDS_MS).unref();
    });
    model.on("blocked", (reason) => {
      session.blocked = reason;
      this.options.log.warn(
        { reason },
        "The broker refuses publishes until its alarm is over; tasks wait in the database.",
      );
    });
    model.on("unblocked", () => {
      session.blocked = null;
      this.options.log.info({}, "The broker takes publishes again.");
    });
    this.current = session;
    return session;
  }

  private ready(session: Session): void {
    this.tries = 0;
    this.session = session;
    if (this.everUp) this.reconnects++;
    this.options.log.info({ connection: this.options.name }, `Connected to ${this.where}.`);
    this.everUp = true;
    for (const watcher of [...this.watchers]) watcher.ready(session);
    for (const waiter of [...this.waiters]) waiter();
  }

  private lost(session: Session, reason: string): void {
    if (!session.alive) return;
    session.alive = false;
    if (this.current === session) this.current = null;
    if (this.session === session) {
      this.session = null;
      this.downSince = performance.now();
    }
    for (const watcher of [...this.watchers]) watcher.lost(session);
    if (!this.closed) this.failed(reason);
  }

  /** Notes why there is no connection and tries again later. */
  private failed(reason: string, refused = false): void {
    this.lastError = reason;
    if (this.timer || this.closed) return;
    const soon = refused || performance.now() - this.downSince < SHORT_OUTAGE_MS;
    const { maxDelayMs } = this.options;
    const mostMs = soon ? Math.min(REFUSED_DELAY_MS, maxDelayMs) : maxDelayMs;
    this.tries++;
    const delay = backoffMs(this.tries, { firstMs: FIRST_DELAY_MS, factor: 2, maxMs: mostMs });
    // The first failure is news; the same one over and over is not.
    const level = this.tries === 1 ? "warn" : "debug";
    this.options.log[level]({ connection: this.options.name, retry_ms: delay }, `No connection: ${reason}.`);
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.connect();
    }, delay);
  }
}

/** Nobody listens there. */
function isRefused(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "ECONNREFUSED";
}
