import type { Config } from "../../config/config";
import { TransportError } from "../../errors";
import { MAX_INLINE_PAYLOAD } from "../../model/message";
import { ANY_ENDPOINT } from "../../model/names";
import type { ResponseKey } from "../../model/response";
import type { DueResponse, MaintenanceStore } from "../../store/store";
import type { Transport } from "../../transport/transport";
import { type Publisher, RECHECK_MS } from "../publish";
import type { QueueRegistry } from "../queue-registry";
import { addressOf, groupByQueue } from "./decide";
import type { Leftovers } from "./leftovers";

/** How long to leave alone what cannot be published while the broker is away; twice as long where that is much. */
const BROKER_AWAY_MS = 1000;
const MUCH = 250;
const FAR_MS = 3_600_000;
/** What comes up for its recheck so soon after its queue was found empty was published before that. */
const FOUND_EMPTY_MS = 10_000;

/**
 * Due responses → their queues. A response is published as its task was stored, to its endpoint or to any one, whatever the
 * type's config says by now; a type that the config does not have is not published at all.
 */
export class Republisher {
  /** Queues found empty by a recheck, and when (monotonic). */
  private readonly foundEmpty = new Map<string, number>();

  constructor(
    private readonly config: Config,
    private readonly maintenance: MaintenanceStore,
    private readonly transport: Transport,
    private readonly topology: QueueRegistry,
    private readonly publisher: Publisher,
    private readonly leftovers: Leftovers,
  ) {}

  /** Published and still unclaimed: is its message in the queue? If the queue is empty or gone, it is published again. */
  async recheck(rows: DueResponse[]): Promise<void> {
    if (!this.brokerUp()) return this.later(rows, awayMs(rows));
    const waiting: DueResponse[] = [];
    const gone: DueResponse[] = [];
    const now = performance.now();
    for (const [queue, at] of this.foundEmpty) if (now - at > FOUND_EMPTY_MS) this.foundEmpty.delete(queue);
    for (const [queue, group] of groupByQueue(rows)) {
      // More than a page may be lost at once: what fills the queue again by now is the first page, not these.
      let empty = this.foundEmpty.has(queue);
      if (!empty) {
        const depth = await this.transport.depth(addressOf(group[0]!)).catch(ofBroker);
        if (depth instanceof TransportError) {
          await this.later(group, awayMs(group));
          continue;
        }
        empty = depth === null || depth.ready === 0;
        if (empty) this.foundEmpty.set(queue, now);
      }
      (empty ? gone : waiting).push(...group);
    }
    if (waiting.length > 0) await this.later(waiting, RECHECK_MS);
    if (gone.length > 0) await this.publish(gone);
  }

  async publish(due: DueResponse[]): Promise<void> {
    if (!this.brokerUp()) return this.later(due, awayMs(due));
    const rows = due.filter(({ type }) => Object.hasOwn(this.config.taskTypes, type));
    // Nobody serves its type: when the config has it again, its rows are made due.
    const homeless = due.filter(({ type }) => !Object.hasOwn(this.config.taskTypes, type));
    const payloads = await this.maintenance.payloads([
      ...new Set(rows.filter((row) => row.payloadBytes <= MAX_INLINE_PAYLOAD).map((row) => row.taskId)),
    ]);
    const confirmed: ResponseKey[] = [];
    const refused: DueResponse[] = [];
    const sends: Promise<void>[] = [];
    const registered = await this.registered(rows);
    for (const [, group] of groupByQueue(rows)) {
      const { type, endpoint } = group[0]!;
      const known = registered.get(type);
      const deliver = endpoint === ANY_ENDPOINT ? "one" : "each";
      const refusal =
        known instanceof TransportError ? known : await this.topology.declareType(type, deliver).catch(ofBroker);
      if (refusal instanceof TransportError) {
        refused.push(...group);
        continue;
      }
      if (endpoint !== ANY_ENDPOINT && !(known as ReadonlySet<string>).has(endpoint)) {
        homeless.push(...group);
        continue;
      }
      await this.leftovers.met(type, deliver);
      for (const row of group) {
        const wake = { ...row, payload: payloads.get(row.taskId) ?? null };
        const send = this.publisher.wake([wake], addressOf(row));
        sends.push(
          send.then(
            () => void confirmed.push(row),
            () => void refused.push(row),
          ),
        );
      }
    }
    await Promise.all(sends);
    if (confirmed.length > 0) await this.maintenance.published(confirmed, RECHECK_MS);
    if (refused.length > 0) await this.later(refused, awayMs(refused));
    // Nobody of that name has registered yet: when it does, the registration makes these due.
    if (homeless.length > 0) {
      await this.maintenance.postpone(homeless.map((row) => ({ ...row, ms: row.nextClockMs ?? FAR_MS })));
    }
  }

  /** By type, who is registered, as of after these rows were read; or why the broker does not have all their queues. */
  private async registered(rows: DueResponse[]): Promise<Map<string, ReadonlySet<string> | TransportError>> {
    const byType = new Map<string, string[]>();
    for (const { type, endpoint } of rows) {
      if (endpoint !== ANY_ENDPOINT) byType.set(type, [...(byType.get(type) ?? []), endpoint]);
    }
    const known = new Map<string, ReadonlySet<string> | TransportError>();
    for (const [type, names] of byType) known.set(type, await this.topology.endpointsOf(type, names).catch(ofBroker));
    return known;
  }

  private later(rows: DueResponse[], ms: number): Promise<void> {
    return this.maintenance.postpone(rows.map((row) => ({ ...row, ms })));
  }

  private brokerUp(): boolean {
    const health = this.transport.health();
    return health.connected && !health.blocked;
  }
}

/** What the broker refuses concerns one type; the others' work goes on. */
function ofBroker(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  throw error;
}

function awayMs(rows: readonly DueResponse[]): number {
  return rows.length < MUCH ? BROKER_AWAY_MS : 2 * BROKER_AWAY_MS;
}
