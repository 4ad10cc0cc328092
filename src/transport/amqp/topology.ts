import type { Channel } from "amqplib";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import type { Address, QueueDepth } from "../transport";
import { ControlChannels } from "./control";
import { type DeclarationGroup, mentions } from "./declarations";
import { Declarer } from "./declarer";
import { BOOT_MARK, queueName } from "./naming";
import type { Session } from "./session";
import { replyCode } from "./words";

const RETRY_MS = 2_000;

interface Wanted extends DeclarationGroup {
  /** The session on which all of it was found or made. */
  on: Session | null;
}

/** Gives the connection to declare on; null: there is none now. */
export interface Sessions {
  session(): Session | null;
}

/**
 * What this process wants to exist in the broker: declared on request, and again on each new
 * connection.
 */
export class Topology {
  private readonly groups = new Map<string, Wanted>();
  private readonly control = new ControlChannels();
  private readonly declarer: Declarer;
  private timer: NodeJS.Timeout | null = null;

  /** @param options.finds see Declarer: whoever publishes sees to the bindings */
  constructor(
    options: { queueType: "classic" | "quorum"; finds: boolean; log: Log },
    private readonly sessions: Sessions,
  ) {
    this.declarer = new Declarer(options.queueType, options.finds, this.control, options.log);
  }

  /** Declares now, and again on each connection. Rejects with a TransportError if not now. */
  async want(group: DeclarationGroup): Promise<void> {
    const wanted = this.groups.get(group.name) ?? { ...group, on: null };
    this.groups.set(group.name, wanted);
    const session = this.sessionFor("the declaration is made once there is one");
    if (wanted.on !== session) await this.declare(session, wanted);
  }

  /** Whether the queue is wanted, and stands on a living session. */
  has(queue: string): boolean {
    return this.groups.get(queue)?.on?.alive === true;
  }

  /** Wants the queue no more, and deletes it. Rejects with a TransportError if not now. */
  async remove(queue: string): Promise<void> {
    this.groups.delete(queue);
    const session = this.sessionFor(`queue ${queue} cannot be deleted now`);
    try {
      await this.control.run(session, `deleting queue ${queue}`, (channel) => channel.deleteQueue(queue));
    } catch (error) {
      if (replyCode(error) !== 404) throw refusal(`Queue ${queue} cannot be deleted`, error);
    }
  }

  /** Declares on a new session what is missing. Never rejects: refusals are tried again later. */
  async redeclare(session: Session): Promise<void> {
    if (![...this.groups.values()].every((group) => group.on?.alive)) await this.declareAll(session);
  }

  /**
   * A queue (or, for an exchange, any of its queues) that should be there took no message, or its
   * consumer was cancelled: somebody may have deleted it. Null: everything is in doubt. What is in
   * doubt is not declared twice.
   */
  async doubt(name: string | null): Promise<void> {
    const doubted = [...this.groups.values()].filter((group) => group.on && (name === null || mentions(group, name)));
    for (const group of doubted) group.on = null;
    const session = this.sessions.session();
    if (!session || doubted.length === 0) return;
    this.declarer.forget(session);
    await this.declareAll(session, doubted);
  }

  async depth(address: Address): Promise<QueueDepth | null> {
    const name = queueName(address);
    if (name === null) return null;
    const session = this.sessionFor(`queue ${name} cannot be looked at now`);
    try {
      const ok = await this.control.run(session, `looking at queue ${name}`, (channel) => channel.checkQueue(name));
      return { ready: ok.messageCount, consumers: ok.consumerCount };
    } catch (error) {
      if (replyCode(error) === 404) return null;
      throw refusal(`Queue ${name} cannot be looked at`, error);
    }
  }

  /** Whether the broker still has the mark of `markBoot`. Rejects with a TransportError. */
  async bootIsMarked(): Promise<boolean> {
    const session = this.sessionFor("whether it was restarted cannot be asked now");
    const look = this.control.run(session, "looking for the boot mark", (channel) => channel.checkExchange(BOOT_MARK));
    try {
      await look;
      return true;
    } catch (error) {
      if (replyCode(error) === 404) return false;
      throw refusal("The broker's boot mark cannot be looked at", error);
    }
  }

  async markBoot(): Promise<void> {
    const session = this.sessionFor("its boot cannot be marked now");
    const make = (channel: Channel) => channel.assertExchange(BOOT_MARK, "direct", { durable: false });
    await this.control.run(session, "marking the broker's boot", make).catch((error) => {
      throw refusal("The broker's boot cannot be marked", error);
    });
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.groups.clear();
  }

  private sessionFor(otherwise: string): Session {
    const session = this.sessions.session();
    if (session) return session;
    throw new TransportError("disconnected", `There is no connection to the broker; ${otherwise}.`);
  }

  private async declareAll(session: Session, groups: Iterable<Wanted> = this.groups.values()): Promise<void> {
    const missing = [...groups].filter((group) => group.on !== session);
    await Promise.all(missing.map((group) => this.declare(session, group).catch(() => {})));
  }

  private async declare(session: Session, group: Wanted): Promise<void> {
    try {
      await this.declarer.declare(session, group);
      group.on = session;
    } catch (error) {
      if (!session.alive)
        throw new TransportError("disconnected", "The connection was lost during a declaration.", error);
      const { name } = group;
      const reason = (error as Error).message;
      this.declarer.warnOnce(`missing ${name}`, `${name} could not be declared and is tried again: ${reason}`);
      this.retryLater();
      throw refusal(`${name} cannot be declared`, error);
    }
  }

  private retryLater(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const session = this.sessions.session();
      const missing = [...this.groups.values()].filter((group) => !group.on?.alive);
      if (session) void this.declareAll(session, missing);
    }, RETRY_MS);
  }
}

function refusal(what: string, error: unknown): TransportError {
  return new TransportError("refused", `${what}: ${(error as Error).message}`, error);
}
