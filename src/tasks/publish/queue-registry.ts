import type { Config } from "../../config/config";
import type { Deliver } from "../../model/task";
import type { TaskStore } from "../../store/store";
import type { Address, QueueDepth, Transport } from "../../transport/transport";

/** How long an answer about registered endpoints is good for. */
const FRESH_MS = 1000;
/**
 * A process that publishes nothing learns of removed endpoints within this time. Else it would
 * declare their queues on its next connection.
 */
const REFRESH_MS = 10_000;

/**
 * Which endpoints are registered for which type, as far as publishing needs it, with their queues
 * declared on the present connection. Exactly the registered endpoints have a queue for the
 * type: the queue of an endpoint that is no longer registered is deleted.
 */
export class QueueRegistry {
  private readonly known = new Map<string, { at: number; names: ReadonlySet<string> }>();
  private readonly declared = new Set<string>();

  constructor(
    private readonly config: Config,
    private readonly store: TaskStore,
    private readonly transport: Transport,
  ) {}

  /**
   * Endpoints registered for the type, each with a declared queue. Rejects when database or broker
   * are away.
   *
   * @param including reads the store again unless these are known: a caller that reacts to a new
   *   registration must not get a cached answer
   */
  async endpointsOf(type: string, including: readonly string[] = []): Promise<ReadonlySet<string>> {
    const now = performance.now();
    const known = this.known.get(type);
    const fresh = known && now - known.at <= FRESH_MS && including.every((name) => known.names.has(name));
    const names = fresh ? known.names : await this.look(type, now);
    await this.declareType(type);
    for (const endpoint of names) {
      if (!this.transport.hasEndpoint(type, endpoint)) await this.transport.declareEndpoint(type, endpoint);
    }
    return names;
  }

  /** @param deliver of the tasks that are published; left out: as the config says */
  async declareType(type: string, deliver: Deliver = this.config.taskTypes[type]?.deliver ?? "each"): Promise<void> {
    const key = `${type} ${deliver}`;
    if (this.declared.has(key)) return;
    await this.transport.declareType({ type, deliver });
    this.declared.add(key);
  }

  /** Connected, and the broker takes publishes. */
  get brokerUp(): boolean {
    const { connected, blocked } = this.transport.health();
    return connected && !blocked;
  }

  /** Null: there is no such queue. Rejects with a TransportError. */
  depth(address: Address): Promise<QueueDepth | null> {
    return this.transport.depth(address);
  }

  /** Deletes the endpoint's queues for these types, or rejects with a TransportError. */
  async deleteQueues(endpoint: string, types: readonly string[]): Promise<void> {
    this.known.clear();
    await Promise.all(types.map((type) => this.transport.removeEndpoint(type, endpoint)));
  }

  /** Refreshes types without recent calls. Rejects when the database is unavailable. */
  async refresh(now = performance.now()): Promise<void> {
    for (const [type, { at }] of [...this.known]) if (now - at > REFRESH_MS) await this.look(type, now);
  }

  private async look(type: string, now: number): Promise<ReadonlySet<string>> {
    const names = new Set(await this.store.endpointsOf(type));
    for (const endpoint of this.known.get(type)?.names ?? []) {
      // Another process may have deleted the queue: then this forgets it.
      if (!names.has(endpoint)) await this.transport.removeEndpoint(type, endpoint).catch(() => undefined);
    }
    this.known.set(type, { at: now, names });
    return names;
  }
}
