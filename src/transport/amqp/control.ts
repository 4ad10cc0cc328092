import type { Channel } from "amqplib";
import type { Session } from "./session";

const MAX_CHANNELS = 8;

interface Pool {
  idle: Channel[];
  open: number;
  waiting: Array<() => void>;
}

/**
 * Channels for declarations and checks. A refused request closes its channel and everything queued
 * on it, so each request has one to itself while it runs. A few exist side by side, because
 * hundreds of queues one after the other take seconds. One stays open when nothing is asked.
 */
export class ControlChannels {
  private readonly pools = new WeakMap<Session, Pool>();

  /** Runs `request` on its own channel; rejects with the broker's refusal or the session's end. */
  async run<T>(session: Session, what: string, request: (channel: Channel) => Promise<T>): Promise<T> {
    const pool = this.pools.get(session) ?? { idle: [], open: 0, waiting: [] };
    this.pools.set(session, pool);
    while (pool.idle.length === 0 && pool.open >= MAX_CHANNELS) {
      await session.rpc(new Promise<void>((resolve) => pool.waiting.push(resolve)), what);
    }
    let channel = pool.idle.pop() ?? null;
    let usable = false;
    try {
      channel ??= await this.open(session, pool);
      const answer = await session.rpc(request(channel), what);
      usable = true;
      return answer;
    } finally {
      const isWanted = pool.waiting.length > 0 || pool.idle.length === 0;
      if (channel && usable && isWanted) pool.idle.push(channel);
      else if (channel) void session.closeChannel(channel);
      pool.waiting.shift()?.();
    }
  }

  private async open(session: Session, pool: Pool): Promise<Channel> {
    pool.open++;
    try {
      // The refusal reaches the caller through its own promise.
      const channel = await session.openChannel(() => {});
      channel.once("close", () => {
        pool.open--;
        pool.idle = pool.idle.filter((one) => one !== channel);
        pool.waiting.shift()?.();
      });
      return channel;
    } catch (error) {
      pool.open--;
      throw error;
    }
  }
}
