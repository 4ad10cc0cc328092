import type { Channel, ConsumeMessage } from "amqplib";
import { pause } from "../../backoff";
import { Acks } from "./acks";
import type { Session } from "./session";

/** What a channel tells one of its consumers. */
export interface ChannelMember {
  readonly prefetch: number;
  readonly consuming: boolean;
  /** Null: the broker ended the consumer. */
  receive(tag: string, message: ConsumeMessage | null): void;
  /** The channel is gone. The first that was consuming is told the reason. */
  closed(reason: string | null, members: number): void;
}

/** amqplib's own method, left out of its types: finds the consumer of a delivery. */
interface Dispatcher {
  dispatchMessage(fields: { consumerTag: string }, message: ConsumeMessage | null): void;
}

/**
 * One channel with many consumers.
 *
 * A consumer that comes, goes, or is cancelled touches no other. What the broker refuses closes the
 * channel, and takes all of them down: see ConsumerChannels. So does a delivery held for longer
 * than the broker's `consumer_timeout` (15 minutes or more). A manager acks after 5 minutes.
 *
 * Requests take turns, each with a deadline of its own. The prefetch is set before a consumer that
 * needs another one: it holds for each of those that follow.
 */
export class ConsumerChannel {
  alive = true;
  readonly acks: Acks;
  private readonly members = new Set<ChannelMember>();
  private readonly tags = new Map<string, ChannelMember>();
  private made = 0;
  private prefetch = 0;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly session: Session,
    private readonly channel: Channel,
  ) {
    this.acks = new Acks(channel, (send) => session.together(send));
    // Its own throws at a tag that it does not know, and closes the channel over it. A quorum queue
    // may deliver after its cancel-ok (amqplib#641).
    (channel as unknown as Dispatcher).dispatchMessage = ({ consumerTag }, message) => {
      const member = this.tags.get(consumerTag);
      if (member) member.receive(consumerTag, message);
      else if (message) this.acks.giveBack(message, null);
    };
  }

  static async open(session: Session): Promise<ConsumerChannel> {
    let reason = "the broker closed the channel";
    const channel = await session.openChannel((error) => {
      reason = error.message;
    });
    const opened = new ConsumerChannel(session, channel);
    channel.on("close", () => opened.gone(reason));
    return opened;
  }

  get size(): number {
    return this.members.size;
  }

  join(member: ChannelMember): void {
    this.members.add(member);
  }

  /** The last one closes the channel; what is still held goes back to its queue. */
  async leave(member: ChannelMember): Promise<void> {
    if (this.members.delete(member) && this.members.size === 0 && this.alive) await this.close();
  }

  /** @param began gets the consumer's tag before anything is delivered */
  consume(queue: string, member: ChannelMember, began: (tag: string) => void): Promise<void> {
    return this.inTurn(async () => {
      const { prefetch } = member;
      if (prefetch !== this.prefetch) {
        await this.session.rpc(this.channel.prefetch(prefetch), "setting the prefetch");
        this.prefetch = prefetch;
      }
      // Chosen here and not by the broker: deliveries may arrive in the same moment as its answer.
      const tag = `tasker-${process.pid}-${++this.made}`;
      this.tags.set(tag, member);
      began(tag);
      const consuming = this.channel.consume(queue, () => {}, { consumerTag: tag });
      await this.session.rpc(consuming, `consuming from ${queue}`);
    });
  }

  async cancel(tag: string): Promise<void> {
    // The channel or the session may be gone, and the consumer with it.
    await this.inTurn(() => this.session.rpc(this.channel.cancel(tag), "cancelling a consumer")).catch(() => {});
    this.forget(tag);
  }

  /** The consumer is no more: what it is still sent is given back. */
  forget(tag: string): void {
    this.tags.delete(tag);
  }

  /** Does nothing on a channel that is gone by then. */
  private inTurn(request: () => Promise<unknown>): Promise<void> {
    const answer = this.turn.then(async () => {
      if (!this.alive) return;
      await request().catch((error) => {
        // Unanswered, it may still take effect.
        if (this.alive) this.gone(error.message);
        throw error;
      });
    });
    this.turn = answer.catch(() => {});
    return answer;
  }

  private gone(reason: string): void {
    if (!this.alive) return;
    void this.close();
    let told: string | null = reason;
    for (const member of [...this.members]) {
      const { consuming } = member;
      member.closed(consuming ? told : null, this.members.size);
      if (consuming) told = null;
    }
  }

  /**
   * Acks get a moment first: closing the connection would overtake them in the channel's buffer,
   * and closing the channel makes a quorum queue forget those that it has not written yet.
   */
  private async close(): Promise<void> {
    this.alive = false;
    this.acks.flush();
    if (this.acks.unwrittenMs > 0 && this.session.alive) await pause(this.acks.unwrittenMs);
    await this.session.closeChannel(this.channel);
  }
}
