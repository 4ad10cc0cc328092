import type { ServerResponse } from "node:http";
import type { Call } from "./call";
import { SECURITY_HEADERS } from "./reply";

const RETRY_MS = 3_000;
/** Bytes that may wait in our memory for a client that reads too slowly. */
const MAX_BEHIND = 1024 * 1024;

/** One `text/event-stream` answer. A client that does not keep up is cut off, and can resume. */
export class EventStream {
  private readonly timer: NodeJS.Timeout;
  private readonly res: ServerResponse;

  constructor(
    { api, res, requestId }: Call,
    private readonly onHeartbeat: () => void = () => {},
  ) {
    this.res = res;
    res.writeHead(200, [
      "Content-Type",
      "text/event-stream; charset=utf-8",
      "Cache-Control",
      "no-store",
      "X-Accel-Buffering",
      "no",
      ...SECURITY_HEADERS,
      "X-Request-Id",
      requestId,
    ]);
    res.socket?.setNoDelay(true);
    this.write(`retry: ${RETRY_MS}\n\n`);
    this.timer = setInterval(() => this.heartbeat(), api.heartbeatMs).unref();
    res.once("close", () => clearInterval(this.timer));
  }

  /** `data` is JSON text; line breaks in it (stored payloads keep theirs) make several lines. */
  event(name: string, data: string, id: string | null): void {
    const lines = data.split(/\r\n|\r|\n/).join("\ndata: ");
    this.write(`${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: ${lines}\n\n`);
  }

  end(): void {
    clearInterval(this.timer);
    this.res.end();
  }

  get closed(): boolean {
    return this.res.destroyed || this.res.writableEnded;
  }

  private heartbeat(): void {
    this.write(": still here\n\n");
    this.onHeartbeat();
  }

  private write(text: string): void {
    if (this.closed) return;
    this.res.write(text);
    if (this.res.writableLength > MAX_BEHIND) this.res.destroy();
  }
}
