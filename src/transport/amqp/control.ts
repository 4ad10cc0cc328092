import type { Channel } from "amqplib";
import type { Session } from "./connection";

/**
 * Channels for declarations and checks. A refused request closes its channel and everything queued on it, so each request has
 * one to itself while it runs; a few exist side by side, because hundreds of queues one after the other take seconds.
 */
const MAX_CHANNELS = 8;

interface Lanes {
  idle: Channel[];
  open: number;
  waiting: Array<() => void>;
}

export class ControlChannels {
  private readonly lanes = new WeakMap<Session, Lanes>();

  /** Runs `request` on a channel of its own; rejects with the broker's refusal or the session's end. */
  async run<T>(session: Session, what: string, request: (channel: Channel) => Promise<T>): Promise<T> {
    const lanes = this.of(session);
    while (lanes.idle.length === 0 && lanes.open >= MAX_CHANNELS) {
      await session.rpc(new Promise<void>((resolve) => lanes.waiting.push(resolve)), what);
    }
    let channel = lanes.idle.pop() ?? null;
    let usable = false;
    try {
      channel ??= await this.open(session, lanes);
      const answer = await session.rpc(request(channel), what);
      usable = true;
      return answer;
    } finally {
      if (channel && usable) lanes.idle.push(channel);
      else if (channel) void session.closeChannel(channel);
      lanes.waiting.shift()?.();
    }
  }

  private async open(session: Session, lanes: Lanes): Promise<Channel> {
    lanes.open++;
    try {
      // The refusal reaches the caller through its own promise.
      const channel = await session.openChannel(() => {});
      channel.once("close", () => {
        lanes.open--;
        lanes.idle = lanes.idle.filter((one) => one !== channel);
        lanes.waiting.shift()?.();
      });
      return channel;
    } catch (error) {
      lanes.open--;
      throw error;
    }
  }

  private of(session: Session): Lanes {
    let lanes = this.lanes.get(session);
    if (!lanes) {
      lanes = { idle: [], open: 0, waiting: [] };
      this.lanes.set(session, lanes);
    }
    return lanes;
  }
}
