import type { Config } from "../config/config";
import type { TaskStore } from "../store/store";
import type { Transport } from "../transport/transport";

/** How long a look at the registered endpoints is good for; a newcomer is served by its own declaration meanwhile. */
const FRESH_MS = 1000;

/**
 * Who is registered for which type, as far as publishing needs it, with their queues declared on the present connection.
 * A queue exists for every registered endpoint and for nobody else.
 */
export class Topology {
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
    let entry = this.known.get(type);
    if (!entry || now - entry.at > FRESH_MS || including.some((name) => !entry!.names.has(name))) {
      entry = { at: now, names: new Set(await this.store.endpointsOf(type)) };
      this.known.set(type, entry);
    }
    await this.declareType(type);
    for (const endpoint of entry.names) {
      if (!this.transport.hasEndpoint(type, endpoint)) await this.transport.declareEndpoint(type, endpoint);
    }
    return entry.names;
  }

  async declareType(type: string): Promise<void> {
    if (this.types.has(type)) return;
    await this.transport.declareType({ type, deliver: this.config.taskTypes[type]?.deliver ?? "each" });
    this.types.add(type);
  }
}
