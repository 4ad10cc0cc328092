import type { Channel } from "amqplib";
import { TransportError } from "../../errors";
import type { Log } from "../../log";
import { BANDS } from "../../model/priority";
import type { Address, QueueDepth, TypeTopology } from "../transport";
import type { Session } from "./connection";
import { ControlChannels } from "./control";
import { ALL_KEY, endpointQueueName, exchangeName, oneKey, PARKING, queueName, sharedQueueName } from "./naming";
import { replyCode } from "./words";

/**
 * What this process wants to exist in the broker, as data, declared on request and again on each new connection.
 *
 * A queue's only argument is its type: everything else is for the operator's policies, because a queue declared with other
 * arguments than it has is refused (406). Such a queue is used as it is, with one warning. A user without the right to declare
 * (403) looks whether it is there instead.
 */
export type Declaration =
  | { kind: "exchange"; name: string }
  | { kind: "queue"; name: string }
  | { kind: "binding"; exchange: string; queue: string; key: string };

/** A group for each queue, so that each is found and repaired by itself. */
export function typeDeclarations({ type, deliver }: TypeTopology): Declaration[][] {
  const exchange = exchangeName(type);
  if (deliver === "each") return [[{ kind: "exchange", name: exchange }]];
  return BANDS.map((band) => {
    const queue = sharedQueueName(type, band);
    return [
      { kind: "exchange", name: exchange },
      { kind: "queue", name: queue },
      { kind: "binding", exchange, queue, key: oneKey(band) },
    ];
  });
}

export function endpointDeclarations(type: string, endpoint: string): Declaration[] {
  const exchange = exchangeName(type);
  const queue = endpointQueueName(type, endpoint);
  return [
    { kind: "exchange", name: exchange },
    { kind: "queue", name: queue },
    { kind: "binding", exchange, queue, key: endpoint },
    { kind: "binding", exchange, queue, key: ALL_KEY },
  ];
}

export function parkingDeclarations(): Declaration[] {
  return [
    { kind: "exchange", name: PARKING },
    { kind: "queue", name: PARKING },
    { kind: "binding", exchange: PARKING, queue: PARKING, key: PARKING },
  ];
}

interface Group {
  declarations: Declaration[];
  /** The session on which all of it was found or made. */
  on: Session | null;
}

const RETRY_MS = 2_000;

export class Topology {
  private readonly groups = new Map<string, Group>();
  private readonly control = new ControlChannels();
  private readonly warned = new Set<string>();
  /** Names we may not declare: looked up instead, so that the broker's log stays quiet. */
  private readonly denied = new Set<string>();
  /** Many groups share an exchange; once a session is enough. */
  private readonly shared = new WeakMap<Session, Map<string, Promise<void>>>();
  private timer: NodeJS.Timeout | null = null;

  /**
   * `finds`: a queue that is there is used as it is, bindings and all, which whoever publishes sees to; only one that is
   * missing is declared. `session` gives the connection to use, or null while there is none.
   */
  constructor(
    private readonly queueType: "classic" | "quorum",
    private readonly finds: boolean,
    private readonly log: Log,
    private readonly session: () => Session | null,
  ) {}

  /** Declares now and from now on with each connection. Rejects with a TransportError if it cannot be done now. */
  async want(declarations: Declaration[]): Promise<void> {
    const group = this.groups.get(keyOf(declarations)) ?? { declarations, on: null };
    this.groups.set(keyOf(declarations), group);
    const session = this.session();
    if (!session) {
      throw new TransportError(
        "disconnected",
        "There is no connection to the broker; the declaration is made once there is one.",
      );
    }
    if (group.on !== session) await this.declare(session, group);
  }

  has(queue: string): boolean {
    const group = this.groups.get(queue);
    return group?.on?.alive === true;
  }

  /** Deletes the queue, and wants it no more. Rejects with a TransportError if it cannot be deleted now. */
  async remove(queue: string): Promise<void> {
    this.groups.delete(queue);
    const session = this.session();
    if (!session) throw new TransportError("disconnected", `There is no connection to the broker to delete ${queue}.`);
    try {
      await this.control.run(session, `deleting queue ${queue}`, (channel) => channel.deleteQueue(queue));
    } catch (error) {
      if (replyCode(error) === 404) return;
      throw refusal(`Queue ${queue} cannot be deleted`, error);
    }
  }

  /** Declares everything on a new session. Never rejects: what is refused is logged and tried again later. */
  async redeclare(session: Session): Promise<void> {
    const known = [...this.groups.values()].filter((group) => group.on !== session);
    await Promise.all(known.map((group) => this.declare(session, group).catch(() => {})));
  }

  /** Whether everything wanted stands on a session that is still alive. */
  get standing(): boolean {
    return [...this.groups.values()].every((group) => group.on?.alive);
  }

  /**
   * A queue (or, for an exchange, any of its queues) that should be there took no message, or its consumer was sent away:
   * somebody may have deleted it. null: everything is in doubt. What is in doubt already is not asked for twice.
   */
  async doubt(name: string | null): Promise<void> {
    const session = this.session();
    const doubted = [...this.groups].filter(([, group]) => group.on && (name === null || mentions(group, name)));
    const groups = doubted.map(([, group]) => group);
    for (const group of groups) group.on = null;
    if (!session || groups.length === 0) return;
    this.shared.delete(session);
    await Promise.all(groups.map((group) => this.declare(session, group).catch(() => {})));
  }

  async depth(address: Address): Promise<QueueDepth | null> {
    const name = queueName(address);
    if (name === null) return null;
    const session = this.session();
    if (!session) throw new TransportError("disconnected", "There is no connection to the broker.");
    try {
      const ok = await this.control.run(session, `looking at queue ${name}`, (channel) => channel.checkQueue(name));
      return { ready: ok.messageCount, consumers: ok.consumerCount };
    } catch (error) {
      if (replyCode(error) === 404) return null;
      throw refusal(`Queue ${name} cannot be looked at`, error);
    }
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.groups.clear();
  }

  private async declare(session: Session, group: Group): Promise<void> {
    try {
      if (!(this.finds && (await this.isThere(session, group)))) {
        await this.establishAll(session, group).catch((error) => {
          if (replyCode(error) !== 404) throw error;
          // An exchange that was found on this session has been deleted since: look for it again.
          this.shared.delete(session);
          return this.establishAll(session, group);
        });
      }
      group.on = session;
    } catch (error) {
      if (!session.alive)
        throw new TransportError("disconnected", "The connection was lost during a declaration.", error);
      const what = keyOf(group.declarations);
      this.warnOnce(`missing ${what}`, `${what} could not be declared and is tried again: ${(error as Error).message}`);
      this.retryLater();
      throw refusal(`${what} cannot be declared`, error);
    }
  }

  private async establishAll(session: Session, group: Group): Promise<void> {
    for (const declaration of group.declarations) await this.establish(session, declaration);
  }

  private async isThere(session: Session, group: Group): Promise<boolean> {
    const queue = group.declarations.find((one) => one.kind === "queue");
    if (!queue) return false;
    return this.control
      .run(session, `looking for queue ${queue.name}`, (channel) => channel.checkQueue(queue.name))
      .then(
        () => true,
        (error) => (replyCode(error) === 404 ? false : Promise.reject(error)),
      );
  }

  private establish(session: Session, declaration: Declaration): Promise<void> {
    if (declaration.kind !== "exchange") return this.request(session, declaration);
    const done = this.shared.get(session) ?? new Map<string, Promise<void>>();
    this.shared.set(session, done);
    let once = done.get(declaration.name);
    if (!once) {
      once = this.request(session, declaration);
      done.set(declaration.name, once);
      once.catch(() => done.delete(declaration.name));
    }
    return once;
  }

  private async request(session: Session, declaration: Declaration): Promise<void> {
    const run = (request: (channel: Channel) => Promise<unknown>) =>
      this.control.run(session, describe(declaration), request).then(() => {});
    switch (declaration.kind) {
      case "exchange": {
        const { name } = declaration;
        // Looked up first: whoever may not declare it finds it made by the API, without a refusal.
        const found = await run((channel) => channel.checkExchange(name)).then(
          () => true,
          (error) => (replyCode(error) === 404 ? false : Promise.reject(error)),
        );
        if (found) return;
        await this.unlessDenied(`exchange ${name}`, () =>
          run((channel) => channel.assertExchange(name, "direct", { durable: true })),
        );
        return;
      }
      case "queue": {
        const { name } = declaration;
        if (this.denied.has(name)) return run((channel) => channel.checkQueue(name));
        try {
          await run((channel) =>
            channel.assertQueue(name, { durable: true, arguments: { "x-queue-type": this.queueType } }),
          );
        } catch (error) {
          if (replyCode(error) !== 406 && replyCode(error) !== 403) throw error;
          if (replyCode(error) === 403) this.denied.add(name);
          await run((channel) => channel.checkQueue(name));
          if (replyCode(error) === 406) {
            this.warnOnce(
              `arguments ${name}`,
              `Queue ${name} exists with other arguments than x-queue-type=${this.queueType}; it is used as it is. ` +
                `To replace it, stop its consumers and delete it: it is declared anew. (${(error as Error).message})`,
            );
          }
        }
        return;
      }
      case "binding": {
        const { queue, exchange, key } = declaration;
        const binding = `${queue} ${key}`;
        if (this.denied.has(binding)) return;
        try {
          await run((channel) => channel.bindQueue(queue, exchange, key));
        } catch (error) {
          // Without the right to bind there is no way to look either; the API, which has it, binds every queue.
          if (replyCode(error) !== 403) throw error;
          this.denied.add(binding);
        }
      }
    }
  }

  /** What was refused once is not asked for again. */
  private async unlessDenied(what: string, request: () => Promise<void>): Promise<void> {
    if (this.denied.has(what))
      throw new TransportError("refused", `the ${what} is not there, and this user may not declare it: the API does`);
    try {
      await request();
    } catch (error) {
      if (replyCode(error) === 403) this.denied.add(what);
      throw error;
    }
  }

  private retryLater(): void {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      const session = this.session();
      if (!session) return;
      for (const group of this.groups.values()) {
        if (!group.on?.alive) this.declare(session, group).catch(() => {});
      }
    }, RETRY_MS);
  }

  private warnOnce(key: string, sentence: string): void {
    if (this.warned.has(key)) return;
    this.warned.add(key);
    this.log.warn({}, sentence);
  }
}

/** A group goes by its queue's name, or by its exchange's when it has no queue. */
function keyOf(declarations: Declaration[]): string {
  const queue = declarations.find((one) => one.kind === "queue");
  if (queue?.kind === "queue") return queue.name;
  return declarations[0]?.kind === "exchange" ? `exchange ${declarations[0].name}` : "nothing";
}

function mentions(group: Group, name: string): boolean {
  return group.declarations.some((one) => one.kind !== "binding" && one.name === name);
}

function describe(declaration: Declaration): string {
  return declaration.kind === "binding"
    ? `binding ${declaration.queue} to ${declaration.exchange}`
    : `declaring ${declaration.kind} ${declaration.name}`;
}

function refusal(what: string, error: unknown): TransportError {
  return new TransportError("refused", `${what}: ${(error as Error).message}`, error);
}
