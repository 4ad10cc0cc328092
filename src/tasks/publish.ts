import { Batcher } from "../batcher";
import type { Log } from "../log";
import { newId } from "../model/ids";
import { encodeMessage, MAX_INLINE_PAYLOAD } from "../model/message";
import { ANY_ENDPOINT } from "../model/names";
import { bandOf } from "../model/priority";
import type { ResponseKey } from "../model/response";
import type { NewTask } from "../model/task";
import type { UpkeepStore } from "../store/store";
import { killPoint } from "../testing/kill-points";
import type { Address, Transport } from "../transport/transport";
import type { Topology } from "./topology";

/** After a confirmed publish the reconciler looks at an unclaimed response again after so long. */
export const RECHECK_MS = 30_000;

/** One response to wake an endpoint for. `payload` null: too large to travel. */
export interface Wake extends ResponseKey {
  type: string;
  identifier: string;
  priority: number;
  payload: string | null;
  traceparent: string | null;
}

/**
 * Stored → published → confirmed → noted. The only path to the broker for tasks, used right after the commit of a create
 * and by the reconciler. It may fail at any step: the row's due mark brings the reconciler, and the claim makes a message
 * that arrives twice harmless.
 *
 * A confirm is noted in the store in batches, off the path of the request.
 */
export class Publisher {
  private readonly noted: Batcher<ResponseKey[], undefined>;
  /** Publishes handed to the transport and not settled: bounded, beyond it the outbox keeps the rest. */
  private underWay = 0;
  private static readonly MOST_UNDER_WAY = 2000;

  constructor(
    private readonly transport: Transport,
    private readonly topology: Topology,
    private readonly upkeep: UpkeepStore,
    private readonly log: Log,
  ) {
    this.noted = new Batcher(
      async (lists) => {
        await this.upkeep.published(lists.flat(), RECHECK_MS);
        return lists.map(() => undefined);
      },
      { size: 200, lanes: 1 },
    );
  }

  /** For tasks just committed. Never rejects; what does not get through is the reconciler's. */
  created(tasks: readonly NewTask[]): void {
    killPoint("after-commit");
    for (const task of tasks) {
      if (task.delayUntil !== null && Date.parse(task.delayUntil) > Date.now()) continue;
      if (this.underWay >= Publisher.MOST_UNDER_WAY) continue;
      this.underWay++;
      this.publishTask(task)
        .catch((error: Error) =>
          this.log.debug({ task_id: task.id, err: error.message }, "not published yet; the reconciler will"),
        )
        .finally(() => {
          this.underWay--;
        });
    }
  }

  /** Publishes to one response's own queue. Resolves once confirmed (not yet noted); rejects with a TransportError. */
  async wake(wakes: readonly Wake[], address: Address): Promise<void> {
    const first = wakes[0]!;
    killPoint("before-publish");
    await this.transport.publish({
      address,
      body: encodeMessage(
        first.type,
        wakes.map((wake) => ({ ...wake, id: wake.taskId, job: wake.job || null })),
      ),
      messageId: newId(),
      correlationId: first.taskId,
      type: first.type,
      headers: first.traceparent ? { traceparent: first.traceparent } : undefined,
    });
    killPoint("after-publish");
  }

  /** Notes confirmed responses; resolves once stored. */
  note(keys: ResponseKey[]): Promise<undefined> {
    return this.noted.add(keys);
  }

  private async publishTask(task: NewTask): Promise<void> {
    const payload = Buffer.byteLength(task.payload) <= MAX_INLINE_PAYLOAD ? task.payload : null;
    const wakes = task.jobs.map((job) => ({ ...task, taskId: task.id, endpoint: "", job, payload }));
    if (task.deliver === "one") {
      await this.topology.declareType(task.type);
      await this.wake(wakes, { to: "one", type: task.type, band: bandOf(task.priority) });
      return this.note(keysOf(task, [ANY_ENDPOINT]));
    }
    const registered = await this.topology.endpointsOf(task.type);
    const reachable = task.endpoints.filter((endpoint) => registered.has(endpoint));
    if (reachable.length > 1 && reachable.length === registered.size) {
      await this.wake(wakes, { to: "all", type: task.type });
      return this.note(keysOf(task, reachable));
    }
    const confirmed: string[] = [];
    await Promise.all(
      reachable.map(async (endpoint) => {
        await this.wake(wakes, { to: "endpoint", type: task.type, endpoint });
        confirmed.push(endpoint);
      }),
    ).finally(() => (confirmed.length > 0 ? this.note(keysOf(task, confirmed)) : undefined));
  }
}

function keysOf(task: NewTask, endpoints: readonly string[]): ResponseKey[] {
  return endpoints.flatMap((endpoint) => task.jobs.map((job) => ({ taskId: task.id, endpoint, job })));
}
