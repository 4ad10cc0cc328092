import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A TCP proxy that makes networks fail on purpose. One mode at a time; it governs present and new connections alike and may be
 * changed at any moment. What a mode holds back is delivered when the mode ends, unless the connection was reset.
 *
 *     const proxy = await TcpProxy.to(uri);
 *     const transport = create(proxy.through(uri));
 *     proxy.set({ mode: "blackhole", direction: "toClient" });   // requests arrive, answers do not
 *     proxy.set({ mode: "pass" });                               // healed
 */
export type Direction = "toServer" | "toClient" | "both";

export type ProxyMode =
  | { mode: "pass" }
  /** Present connections are reset, new ones as soon as they are accepted. */
  | { mode: "rst" }
  /** Connections are accepted and stay open; nothing passes. */
  | { mode: "blackhole"; direction?: Direction }
  | { mode: "latency"; ms: number; direction?: Direction }
  | { mode: "rate"; bytesPerSecond: number; direction?: Direction }
  /** One side hears the end of the stream; the other way stays open. */
  | { mode: "halfClose"; direction: "toServer" | "toClient" }
  /** A connection is reset once this many bytes of it have passed since the mode was set. */
  | { mode: "dropAfter"; bytes: number; direction: "toServer" | "toClient" }
  /** The request that contains the text passes, its answer does not: the connection is reset between the two. Once. */
  | { mode: "cutAnswer"; to: string | Buffer };

interface Pair {
  client: Socket;
  server: Socket;
  /** Bytes passed each way since the mode was set. */
  passed: { toServer: number; toClient: number };
  /** The last bytes towards the server, so that a text split over two chunks is found. */
  tail: Buffer;
  awaitingAnswer: boolean;
}

export class TcpProxy {
  /** Connections accepted so far. */
  accepted = 0;
  /** What clients have sent so far: how many pieces, and their bytes. */
  readonly sent = { pieces: 0, bytes: 0 };
  private mode: ProxyMode = { mode: "pass" };
  private readonly pairs = new Set<Pair>();
  private readonly changes = new Set<() => void>();
  private closed = false;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {
    server.on("connection", (client) => this.accept(client));
  }

  /** Listens on a free port of loopback, in front of the host and port of `uri`. */
  static async to(uri: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(uri);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new TcpProxy(server, { host: hostname, port: Number(port) });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections open now. */
  get open(): number {
    return this.pairs.size;
  }

  /** The same URI, by way of this proxy. */
  through(uri: string): string {
    const url = new URL(uri);
    url.hostname = "127.0.0.1";
    url.port = String(this.port);
    return url.href;
  }

  set(mode: ProxyMode): void {
    this.mode = mode;
    for (const pair of this.pairs) pair.passed = { toServer: 0, toClient: 0 };
    if (mode.mode === "rst") this.cut();
    if (mode.mode === "halfClose") {
      for (const pair of this.pairs) (mode.direction === "toServer" ? pair.server : pair.client).end();
    }
    for (const change of [...this.changes]) change();
  }

  /** Resets every present connection; new ones pass as the mode says. */
  cut(): void {
    for (const pair of [...this.pairs]) this.reset(pair);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cut();
    for (const change of [...this.changes]) change();
    this.server.close();
    await once(this.server, "close");
  }

  private accept(client: Socket): void {
    this.accepted++;
    if (this.mode.mode === "rst") {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const server = dial({ ...this.target, allowHalfOpen: true, noDelay: true });
    const pair: Pair = {
      client,
      server,
      passed: { toServer: 0, toClient: 0 },
      tail: Buffer.alloc(0),
      awaitingAnswer: false,
    };
    this.pairs.add(pair);
    for (const socket of [client, server]) {
      socket.on("error", () => this.reset(pair));
      socket.on("close", () => {
        if (client.destroyed && server.destroyed) this.pairs.delete(pair);
      });
    }
    void this.flow(pair, "toServer");
    void this.flow(pair, "toClient");
  }

  private async flow(pair: Pair, direction: "toServer" | "toClient"): Promise<void> {
    const [from, to] = direction === "toServer" ? [pair.client, pair.server] : [pair.server, pair.client];
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (!(await this.pass(pair, direction, chunk, to))) return;
      }
      await this.openWay(direction);
      to.end();
    } catch {
      this.reset(pair);
    }
  }

  /** Hands a chunk on as the mode wants it; false: the connection is gone. */
  private async pass(pair: Pair, direction: "toServer" | "toClient", chunk: Buffer, to: Socket): Promise<boolean> {
    if (direction === "toServer") {
      this.sent.pieces++;
      this.sent.bytes += chunk.length;
    }
    await this.openWay(direction);
    const { mode } = this;
    const applies = !("direction" in mode) || mode.direction === undefined || mode.direction === "both";
    const here = applies || mode.direction === direction;
    if (mode.mode === "latency" && here) await sleep(mode.ms);
    if (mode.mode === "rate" && here) return this.trickle(pair, chunk, to, mode.bytesPerSecond);
    if (mode.mode === "dropAfter" && here) {
      const left = mode.bytes - pair.passed[direction];
      if (chunk.length >= left) {
        if (left > 0) await write(to, chunk.subarray(0, left));
        this.reset(pair);
        return false;
      }
    }
    if (mode.mode === "cutAnswer") {
      if (direction === "toClient" && pair.awaitingAnswer) {
        this.mode = { mode: "pass" };
        this.reset(pair);
        return false;
      }
      if (direction === "toServer") {
        const seen = Buffer.concat([pair.tail, chunk]);
        if (seen.includes(mode.to)) pair.awaitingAnswer = true;
        pair.tail = seen.subarray(-Math.max(1, mode.to.length - 1));
      }
    }
    pair.passed[direction] += chunk.length;
    return write(to, chunk);
  }

  private async trickle(pair: Pair, chunk: Buffer, to: Socket, bytesPerSecond: number): Promise<boolean> {
    const step = Math.max(1, Math.floor(bytesPerSecond / 20));
    for (let offset = 0; offset < chunk.length; offset += step) {
      if (this.mode.mode !== "rate") return write(to, chunk.subarray(offset));
      if (!this.pairs.has(pair) || !(await write(to, chunk.subarray(offset, offset + step)))) return false;
      await sleep(50);
    }
    return true;
  }

  /** Waits while the mode lets nothing pass that way. */
  private async openWay(direction: "toServer" | "toClient"): Promise<void> {
    const shut = () =>
      !this.closed &&
      this.mode.mode === "blackhole" &&
      (this.mode.direction === undefined || this.mode.direction === "both" || this.mode.direction === direction);
    while (shut()) {
      await new Promise<void>((resolve) => {
        const change = () => {
          this.changes.delete(change);
          resolve();
        };
        this.changes.add(change);
      });
    }
  }

  private reset(pair: Pair): void {
    for (const socket of [pair.client, pair.server]) {
      if (socket.destroyed) continue;
      // A reset after the end of the stream fails, and leaves the handle open for ever.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.pairs.delete(pair);
  }
}

async function write(to: Socket, chunk: Buffer): Promise<boolean> {
  if (to.destroyed || to.writableEnded) return false;
  if (!to.write(chunk)) await Promise.race([once(to, "drain"), once(to, "close")]);
  return !to.destroyed;
}
