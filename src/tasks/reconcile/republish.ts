import type { Config } from "../../config/config";
import { TransportError } from "../../errors";
import { groupBy } from "../../group-by";
import { MAX_INLINE_PAYLOAD } from "../../model/message";
import { ANY_ENDPOINT } from "../../model/names";
import type { Deliver } from "../../model/task";
import type { DueResponse, MaintenanceStore } from "../../store/store";
import { RECHECK_MS } from "../publish/confirms";
import type { TaskPublisher } from "../publish/publisher";
import type { QueueRegistry } from "../publish/queue-registry";
import { addressOf, queueOf, untilNextMoment } from "./decide";
import type { Leftovers } from "./leftovers";

/** Pause of a row while the broker is unavailable; twice as long with more than MANY rows. */
const BROKER_AWAY_MS = 1000;
const MANY = 250;
/** A recheck this soon after its queue was found empty is for what was published before that. */
const FOUND_EMPTY_MS = 10_000;

/**
 * Due responses → their queues. A response is published as its task was stored, to its endpoint or
 * to any one, whatever the config says by now. A type that the config does not have is not
 * published.
 */
export class Republisher {
  /** Queues found empty by a recheck, and when (monotonic milliseconds). */
  private readonly foundEmpty = new Map<string, number>();

  constructor(
    private readonly config: Config,
    private readonly maintenance: MaintenanceStore,
    private readonly queues: QueueRegistry,
    private readonly publisher: TaskPublisher,
    private readonly leftovers: Leftovers,
  ) {}

  /** For what is published and unclaimed. Where its queue is empty or gone, its message is lost. */
  async recheck(due: readonly DueResponse[]): Promise<void> {
    if (!this.queues.brokerUp) return this.brokerAway(due);
    const waiting: DueResponse[] = [];
    const lost: DueResponse[] = [];
    for (const [queue, rows] of groupBy(due, queueOf)) {
      const empty = await this.isEmpty(queue, rows[0]!).catch(refusalOf);
      if (empty instanceof TransportError) await this.brokerAway(rows);
      else (empty ? lost : waiting).push(...rows);
    }
    if (waiting.length > 0) await this.postpone(waiting, RECHECK_MS);
    if (lost.length > 0) await this.publish(lost);
  }

  async publish(due: readonly DueResponse[]): Promise<void> {
    if (!this.queues.brokerUp) return this.brokerAway(due);
    const payloads = await this.payloadsOf(due);
    const confirmed: DueResponse[] = [];
    const refused: DueResponse[] = [];
    const homeless: DueResponse[] = [];
    const sent: Promise<unknown>[] = [];
    for (const rows of groupBy(due, (row) => `${row.type} ${deliverOf(row)}`).values()) {
      const reachable = await this.reachable(rows).catch(refusalOf);
      if (reachable instanceof TransportError) {
        refused.push(...rows);
        continue;
      }
      for (const row of rows) {
        if (!reachable(row)) homeless.push(row);
        else {
          const task = { ...row, id: row.taskId, job: row.job || null, payload: payloads.get(row.taskId) ?? null };
          const publish = this.publisher.publish(row.type, [task], addressOf(row));
          sent.push(
            publish.then(
              () => confirmed.push(row),
              () => refused.push(row),
            ),
          );
        }
      }
    }
    await Promise.all(sent);
    if (confirmed.length > 0) await this.maintenance.markPublished(confirmed, RECHECK_MS);
    if (refused.length > 0) await this.brokerAway(refused);
    // When the endpoint registers, or the config has the type again, these become due.
    if (homeless.length > 0) await this.maintenance.postpone(homeless.map(untilNextMoment));
  }

  /** Which of these rows of one type and kind of delivery have a queue; it is declared. */
  private async reachable(rows: readonly DueResponse[]): Promise<(row: DueResponse) => boolean> {
    const { type } = rows[0]!;
    if (!Object.hasOwn(this.config.taskTypes, type)) return () => false;
    const deliver = deliverOf(rows[0]!);
    await this.queues.declareType(type, deliver);
    await this.leftovers.published(type, deliver);
    if (deliver === "one") return () => true;
    const registered = await this.queues.endpointsOf(
      type,
      rows.map(({ endpoint }) => endpoint),
    );
    return ({ endpoint }) => registered.has(endpoint);
  }

  private async isEmpty(queue: string, row: DueResponse): Promise<boolean> {
    const now = performance.now();
    for (const [name, at] of this.foundEmpty) if (now - at > FOUND_EMPTY_MS) this.foundEmpty.delete(name);
    // More than a page may be lost at once: by now the first page fills the queue again.
    if (this.foundEmpty.has(queue)) return true;
    const depth = await this.queues.depth(addressOf(row));
    const empty = depth === null || depth.ready === 0;
    if (empty) this.foundEmpty.set(queue, now);
    return empty;
  }

  private payloadsOf(rows: readonly DueResponse[]): Promise<Map<string, string>> {
    const small = rows.filter((row) => row.payloadBytes <= MAX_INLINE_PAYLOAD);
    return this.maintenance.payloads([...new Set(small.map((row) => row.taskId))]);
  }

  private brokerAway(rows: readonly DueResponse[]): Promise<void> {
    return this.postpone(rows, rows.length < MANY ? BROKER_AWAY_MS : 2 * BROKER_AWAY_MS);
  }

  private postpone(rows: readonly DueResponse[], ms: number): Promise<void> {
    return this.maintenance.postpone(rows.map((row) => ({ ...row, ms })));
  }
}

function deliverOf({ endpoint }: DueResponse): Deliver {
  return endpoint === ANY_ENDPOINT ? "one" : "each";
}

/** A refusal by the broker concerns one type; the others continue. */
function refusalOf(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  throw error;
}
