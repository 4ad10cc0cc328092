import type { Writable } from "node:stream";
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import { DeadlineExceeded, within } from "./deadline";

/** One connection to the broker, from its handshake to its loss. */
export class Session {
  alive = true;
  /** Why the broker takes no publishes here (memory or disk alarm); null: it takes them. */
  blocked: string | null = null;

  /** @param kill declares the session dead and destroys its socket */
  constructor(
    readonly model: ChannelModel,
    private readonly rpcTimeoutMs: number,
    readonly kill: (reason: string) => void,
  ) {}

  /** Awaits an answer of the broker. Without one the session is killed. */
  async rpc<T>(answer: Promise<T>, what: string): Promise<T> {
    try {
      return await within(answer, this.rpcTimeoutMs, what);
    } catch (error) {
      // The broker does not read a blocked connection until it unblocks it.
      if (error instanceof DeadlineExceeded && this.blocked === null) this.kill(error.message);
      throw error;
    }
  }

  openChannel(onError: (error: Error) => void): Promise<Channel> {
    return this.opened(this.model.createChannel(), onError);
  }

  openConfirmChannel(onError: (error: Error) => void): Promise<ConfirmChannel> {
    return this.opened(this.model.createConfirmChannel(), onError);
  }

  /** Closes a channel behind whatever was sent on it before. Never rejects. */
  async closeChannel(channel: Channel): Promise<void> {
    if (!this.alive) return;
    try {
      await this.rpc(channel.close(), "closing a channel");
    } catch {
      // It was closed already, or the session is gone: either way there is nothing left to close.
    }
  }

  /** What is sent meanwhile leaves in one packet. */
  together(send: () => void): void {
    const { stream } = (this.model as unknown as { connection: { stream: Writable } }).connection;
    stream.cork();
    send();
    // amqplib hands it to the socket in the next turn of the event loop.
    setImmediate(() => setImmediate(() => stream.uncork()));
  }

  private async opened<C extends Channel>(opening: Promise<C>, onError: (error: Error) => void): Promise<C> {
    const channel = await this.rpc(opening, "opening a channel");
    channel.on("error", onError);
    return channel;
  }
}
