import type { Config } from "../config/config";
import type { Deliver } from "../model/task";
import type { TaskStore } from "../store/store";
import type { Transport } from "../transport/transport";

/** How long a look at the registered endpoints is good for; a newcomer is served by its own declaration meanwhile. */
const FRESH_MS = 1000;
/** A process that publishes nothing hears of removed endpoints within this: it would declare their queues on its next connection. */
const REFRESH_MS = 10_000;

/**
 * Who is registered for which type, as far as publishing needs it, with their queues declared on the present connection.
 * A queue exists for every registered endpoint and for nobody else: those of an endpoint that is registered no more go.
 */
export class QueueRegistry {
  private readonly known = new Map<string, { at: number; names: ReadonlySet<string> }>();
  private readonly types = new Set<string>();

  constructor(
    private readonly config: Config,
    private readonly store: TaskStore,
    private readonly transport: Transport,
  ) {}

  /**
   * Endpoints registered for the type, each with a declared queue. Rejects when database or broker are away.
   * `including`: look again unless these are known already; whoever asks because somebody has just registered must not be
   * answered from memory.
   */
  async endpointsOf(type: string, including: readonly string[] = []): Promise<ReadonlySet<string>> {
    const now = performance.now();
    let names = this.known.get(type)?.names;
    if (!names || now - this.known.get(type)!.at > FRESH_MS || including.some((name) => !names!.has(name)))
      names = await this.look(type, now);
    await this.declareType(type);
    for (const endpoint of names) {
      if (!this.transport.hasEndpoint(type, endpoint)) await this.transport.declareEndpoint(type, endpoint);
    }
    return names;
  }

  /** `deliver`: of the tasks that are published; left out: as the config says. */
  async declareType(type: string, deliver: Deliver = this.config.taskTypes[type]?.deliver ?? "each"): Promise<void> {
    const key = `${type} ${deliver}`;
    if (this.types.has(key)) return;
    await this.transport.declareType({ type, deliver });
    this.types.add(key);
  }

  /** Deletes the endpoint's queues for these types. Rejects with a TransportError where the broker does not do it now. */
  async dismiss(endpoint: string, types: readonly string[]): Promise<void> {
    this.known.clear();
    await Promise.all(types.map((type) => this.transport.removeEndpoint(type, endpoint)));
  }

  /** Looks again at what has not been asked for lately. Rejects when the database is away. */
  async refresh(now = performance.now()): Promise<void> {
    for (const [type, { at }] of [...this.known]) if (now - at > REFRESH_MS) await this.look(type, now);
  }

  private async look(type: string, now: number): Promise<ReadonlySet<string>> {
    const names = new Set(await this.store.endpointsOf(type));
    for (const endpoint of this.known.get(type)?.names ?? []) {
      // Somebody else may have deleted the queue: then this forgets it.
      if (!names.has(endpoint)) await this.transport.removeEndpoint(type, endpoint).catch(() => undefined);
    }
    this.known.set(type, { at: now, names });
    return names;
  }
}
