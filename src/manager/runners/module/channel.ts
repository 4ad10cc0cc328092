import type { Socket } from "node:net";

/** The file descriptor of the channel in a handler process. */
export const CHANNEL_FD = 3;

/** Taken before user code runs: a handler may replace what it finds in its process. */
const { parse, stringify } = JSON;
const { assign, create } = Object;

/**
 * Messages between a manager and a handler process, one JSON text a line over a socket. It is no
 * IPC channel of Node's, so that nothing of it hangs on `process`: a handler finds no
 * `process.send` to replace and no channel to close.
 */
export class Channel<Out extends object> {
  /** What has come of a line that is not complete. */
  private parts: Buffer[] = [];
  private ended = false;

  /**
   * @param over called once: the other side has closed the channel, or has written what is no
   * message
   */
  constructor(
    private readonly socket: Socket,
    heard: (message: unknown) => void,
    private readonly over: () => void,
  ) {
    socket.on("data", (chunk: Buffer) => {
      for (const line of this.lines(chunk)) {
        let message: unknown;
        try {
          message = parse(line);
        } catch {
          this.end();
          return;
        }
        heard(message);
      }
    });
    // A write that fails means that the other side is gone; `close` follows.
    socket.on("error", () => {});
    socket.on("close", () => this.end());
  }

  /** `message` may hold scalars only: an inherited `toJSON` must not reach it. */
  send(message: Out, then?: () => void): void {
    if (this.ended || this.socket.destroyed) then?.();
    else this.socket.write(`${stringify(assign(create(null), message))}\n`, () => then?.());
  }

  /** Says that nothing more follows; what was sent before still arrives. */
  close(): void {
    this.ended = true;
    this.socket.end();
  }

  destroy(): void {
    this.ended = true;
    this.socket.destroy();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.over();
  }

  private lines(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      this.parts.push(chunk.subarray(from, at));
      lines.push((this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts)).toString());
      this.parts = [];
      from = at + 1;
    }
    if (from < chunk.length) this.parts.push(chunk.subarray(from));
    return lines;
  }
}
