import { Link, type LinkOptions } from "./connection";
import { ConsumerChannels } from "./consumer-channels";
import type { Session } from "./session";

/**
 * Publishing and consuming have a connection each: the broker stops reading one that publishes
 * while it has an alarm, acks and all. There is one connection at first. Publishing or consuming
 * takes it, whichever comes first, and the other makes a second one when it is needed. A process
 * that only consumes, or only publishes, has one.
 */
export class Links {
  readonly channels = new ConsumerChannels();
  private readonly first: Link;
  private second: Link | null = null;
  private consuming: Link | null = null;
  private publishing: Link | null = null;
  private prepare: ((session: Session) => Promise<void>) | null = null;

  constructor(private readonly options: LinkOptions) {
    this.first = new Link(options);
  }

  /**
   * Resolves once there is a connection, or after `deadlineMs` with why there is none.
   *
   * @param prepare runs on each new session before it counts as up
   */
  async start(
    prepare: (session: Session) => Promise<void>,
    deadlineMs: number,
  ): Promise<{ up: boolean; why: string | null }> {
    this.prepare = prepare;
    this.first.start(prepare);
    return { up: await this.first.up(deadlineMs), why: this.first.lastError };
  }

  forConsuming(): Link {
    this.consuming ??= this.other(this.publishing);
    return this.consuming;
  }

  forPublishing(): Link {
    this.publishing ??= this.other(this.consuming);
    return this.publishing;
  }

  /** For declarations: the consuming connection first, as alarms do not stop it. */
  session(): Session | null {
    const inOrder = [this.consuming, this.publishing, ...this.all()];
    return inOrder.find((link) => link?.session)?.session ?? null;
  }

  all(): Link[] {
    return this.second ? [this.first, this.second] : [this.first];
  }

  private other(taken: Link | null): Link {
    if (this.first !== taken) return this.first;
    this.second = new Link(this.options);
    if (this.prepare) this.second.start(this.prepare);
    return this.second;
  }
}
