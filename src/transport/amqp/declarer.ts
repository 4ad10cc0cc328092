import type { Channel } from "amqplib";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import type { ControlChannels } from "./control";
import { type Declaration, type DeclarationGroup, describe } from "./declarations";
import { ORDERED } from "./naming";
import type { Session } from "./session";
import { replyCode } from "./words";

type Request = (channel: Channel) => Promise<unknown>;

/**
 * Makes exchanges, queues and bindings on a session, as far as this user may.
 *
 * A queue's only argument is its type (and, of the reports, that one consumer at a time gets them).
 * Everything else is for the operator's policies, because the
 * broker refuses a declaration with other arguments than the queue has (406). Such a queue is used
 * as it is, with one warning. A user without the right to declare (403) looks whether it is there
 * instead.
 */
export class Declarer {
  private readonly warned = new Set<string>();
  /** What we may not declare is looked up instead, so that the broker's log stays quiet. */
  private readonly denied = new Set<string>();
  /** Many groups share an exchange; once a session is enough. */
  private readonly exchanges = new WeakMap<Session, Map<string, Promise<void>>>();

  /** @param finds a queue that is there is used as it is, with its bindings */
  constructor(
    private readonly queueType: "classic" | "quorum",
    private readonly finds: boolean,
    private readonly control: ControlChannels,
    private readonly log: Log,
  ) {}

  /** Resolves when all of it is there; rejects with the broker's refusal or the session's end. */
  async declare(session: Session, group: DeclarationGroup): Promise<void> {
    if (this.finds && group.queue !== null && (await this.exists(session, group.queue))) return;
    await this.makeAll(session, group).catch((error) => {
      if (replyCode(error) !== 404) throw error;
      // An exchange that was found on this session has been deleted since: look for it again.
      this.forget(session);
      return this.makeAll(session, group);
    });
  }

  /** Somebody may have deleted exchanges. */
  forget(session: Session): void {
    this.exchanges.delete(session);
  }

  warnOnce(key: string, sentence: string): void {
    if (this.warned.has(key)) return;
    this.warned.add(key);
    this.log.warn({}, sentence);
  }

  private async makeAll(session: Session, { declarations }: DeclarationGroup): Promise<void> {
    for (const declaration of declarations) await this.make(session, declaration);
  }

  private exists(session: Session, queue: string): Promise<boolean> {
    return found(this.control.run(session, `looking for queue ${queue}`, (channel) => channel.checkQueue(queue)));
  }

  private make(session: Session, declaration: Declaration): Promise<void> {
    const run = async (request: Request) => void (await this.control.run(session, describe(declaration), request));
    if (declaration.kind === "queue") return this.makeQueue(declaration, run);
    if (declaration.kind === "binding") return this.bind(declaration, run);
    const { name } = declaration;
    const made = this.exchanges.get(session) ?? new Map<string, Promise<void>>();
    this.exchanges.set(session, made);
    let once = made.get(name);
    if (!once) {
      once = this.makeExchange(name, run);
      made.set(name, once);
      once.catch(() => made.delete(name));
    }
    return once;
  }

  private async makeExchange(name: string, run: (request: Request) => Promise<void>): Promise<void> {
    // Looked up first: who may not declare it finds it made by the API, without a refusal.
    if (await found(run((channel) => channel.checkExchange(name)))) return;
    const what = `exchange ${name}`;
    if (this.denied.has(what))
      throw new TransportError("refused", `the ${what} is not there, and this user may not declare it: the API does`);
    await run((channel) => channel.assertExchange(name, "direct", { durable: true })).catch((error) => {
      if (replyCode(error) === 403) this.denied.add(what);
      throw error;
    });
  }

  private async makeQueue(
    { name, ordered }: Extract<Declaration, { kind: "queue" }>,
    run: (request: Request) => Promise<void>,
  ): Promise<void> {
    const look: Request = (channel) => channel.checkQueue(name);
    if (this.denied.has(name)) return run(look);
    const order = ordered ? { [ORDERED]: true } : {};
    const options = { durable: true, arguments: { "x-queue-type": this.queueType, ...order } };
    try {
      await run((channel) => channel.assertQueue(name, options));
    } catch (error) {
      const code = replyCode(error);
      if (code !== 406 && code !== 403) throw error;
      if (code === 403) this.denied.add(name);
      await run(look);
      if (code === 406) {
        this.warnOnce(
          `arguments ${name}`,
          `Queue ${name} exists with other arguments than x-queue-type=${this.queueType}; it is used as it is. ` +
            `To replace it, stop its consumers and delete it: it is declared anew. (${(error as Error).message})`,
        );
      }
    }
  }

  private async bind(
    { queue, exchange, key }: Extract<Declaration, { kind: "binding" }>,
    run: (request: Request) => Promise<void>,
  ): Promise<void> {
    const binding = `${queue} ${key}`;
    if (this.denied.has(binding)) return;
    try {
      await run((channel) => channel.bindQueue(queue, exchange, key));
    } catch (error) {
      // Without the right to bind there is no way to look either; the API binds every queue.
      if (replyCode(error) !== 403) throw error;
      this.denied.add(binding);
    }
  }
}

/** Whether a look found something. */
function found(look: Promise<unknown>): Promise<boolean> {
  return look.then(
    () => true,
    (error) => {
      if (replyCode(error) === 404) return false;
      throw error;
    },
  );
}
