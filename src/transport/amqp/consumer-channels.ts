import { ConsumerChannel } from "./consumer-channel";
import type { Session } from "./session";

/**
 * The channel that the consumers of one connection share.
 *
 * A refused consumer (its queue is missing, exclusive, forbidden) costs all others their channel,
 * so that happens once in a session. From then on a queue that has not proven itself is tried
 * first, on a channel of its own. What a trial is sent goes back as its channel closes.
 */
export class ConsumerChannels {
  private session: Session | null = null;
  private channel: Promise<ConsumerChannel> | null = null;
  private wary = false;
  private trials: Promise<unknown> = Promise.resolve();

  /** The channel may have gone by the time that it is joined. */
  async shared(session: Session): Promise<ConsumerChannel> {
    this.enter(session);
    const current = this.channel;
    if (current && (await current).alive) return current;
    if (this.channel === current) {
      const opening = ConsumerChannel.open(session);
      this.channel = opening;
      opening.catch(() => {
        if (this.channel === opening) this.channel = null;
      });
    }
    return this.channel!;
  }

  /** A queue was refused, or deleted under its consumer. */
  beWary(session: Session): void {
    this.enter(session);
    this.wary = true;
  }

  /** Rejects with the broker's refusal. */
  async prove(session: Session, queue: string): Promise<void> {
    this.enter(session);
    if (!this.wary) return;
    const trial = this.trials.then(() => tryOut(session, queue));
    this.trials = trial.catch(() => {});
    await trial;
  }

  private enter(session: Session): void {
    if (this.session === session || !session.alive) return;
    this.session = session;
    this.channel = null;
    this.wary = false;
  }
}

async function tryOut(session: Session, queue: string): Promise<void> {
  const channel = await session.openChannel(() => {});
  try {
    await session.rpc(channel.prefetch(1), "setting the prefetch");
    await session.rpc(
      channel.consume(queue, () => {}),
      `consuming from ${queue}`,
    );
  } finally {
    await session.closeChannel(channel);
  }
}
