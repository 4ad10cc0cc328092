import { ConsumerChannel } from "./consumer-channel";
import type { Session } from "./session";

/** For an ack of its own the broker walks through what is held on the channel before it. */
const MAX_CONSUMERS = 100;

/**
 * The few channels that the consumers of one connection share.
 *
 * A refused consumer (its queue is missing, exclusive, forbidden) costs the others their channel,
 * so that happens once in a session. From then on a queue that has not proven itself is tried
 * first, on a channel of its own. What a trial is sent goes back as its channel closes.
 */
export class ConsumerChannels {
  private session: Session | null = null;
  private channels: ConsumerChannel[] = [];
  private opening: Promise<void> | null = null;
  private wary = false;
  private trials: Promise<unknown> = Promise.resolve();

  /** @param join takes a place on a channel that has one, at once */
  async place<T>(session: Session, join: (channel: ConsumerChannel) => T): Promise<T> {
    this.enter(session);
    for (;;) {
      this.channels = this.channels.filter((channel) => channel.alive);
      const channel = this.channels.find(({ size }) => size < MAX_CONSUMERS);
      if (channel) return join(channel);
      const opening = this.opening ?? this.open(session);
      this.opening = opening;
      await opening.finally(() => {
        if (this.opening === opening) this.opening = null;
      });
    }
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
    this.channels = [];
    this.opening = null;
    this.wary = false;
  }

  private async open(session: Session): Promise<void> {
    const channel = await ConsumerChannel.open(session);
    if (this.session === session) this.channels.push(channel);
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
