import { type Backoff, backoffMs, pause } from "../backoff";
import type { Config } from "../config/config";
import { TransportError } from "../errors";
import type { Log } from "../log";
import { newId } from "../model/ids";
import { MAX_INLINE_PAYLOAD } from "../model/message";
import { ANY_ENDPOINT } from "../model/names";
import type { ResponseKey } from "../model/response";
import type { DueResponse, Store } from "../store/store";
import type { Transport } from "../transport/transport";
import { type Action, addressOf, decide, groupByQueue } from "./decide";
import { Endings } from "./endings";
import type { Inbox } from "./inbox";
import { Leases } from "./leases";
import type { Newcomers } from "./newcomers";
import { type Publisher, RECHECK_MS } from "./publish";
import type { Topology } from "./topology";

const LOCK = "reconciler";
const LOCK_MS = 5000;
const TICK_MS = 250;
const REAP_EVERY_MS = 1000;
const AFTER_FAILURE: Backoff = { firstMs: 2 * TICK_MS, factor: 2, maxMs: 1000 };
const PAGE = 500;
const PURGE_MOST_MS = 60_000;
const PURGE_LEAST_MS = 1000;
const PURGE_PAGE = 500;
/** How long to leave alone what cannot be published while the broker is away; twice as long where that is much. */
const BROKER_AWAY_MS = 1000;
const FAR_MS = 3_600_000;
/** What comes up for its recheck so soon after its queue was found empty was published before that. */
const FOUND_EMPTY_MS = 10_000;

/**
 * One reconciler works at a time, under a lock row in the database; every API process runs this loop and waits for the lock.
 * Whatever it does is a compare-and-set, so two of them at once (a lock that was lost unnoticed) do no harm.
 *
 * Its work with what is open comes from one index: `due_at`, "when to look at this response next". What it finds there it
 * turns into one of a few actions (`decide`), and each action moves the mark. What has ended stands in the same index by the
 * time it did (endings.ts). It keeps nothing in memory that a restart would lose.
 */
export class Reconciler {
  private readonly holder = newId();
  private running: Promise<void> | null = null;
  private stopping = false;
  private resting = new AbortController();
  private lastReap = 0;
  private lastPurge = 0;
  private readonly purgeEveryMs: number;
  private readonly endings: Endings;
  private readonly leases: Leases;
  /** Queues found empty by a recheck, and when (monotonic). */
  private readonly foundEmpty = new Map<string, number>();
  /** Milliseconds (monotonic) of the last tick that got through, for health. */
  lastTick = performance.now();
  leading = false;

  constructor(
    private readonly config: Config,
    private readonly store: Store,
    private readonly transport: Transport,
    private readonly topology: Topology,
    private readonly publisher: Publisher,
    private readonly inbox: Inbox,
    private readonly newcomers: Newcomers | null,
    private readonly log: Log,
  ) {
    this.leases = new Leases(store.upkeep, config.manager.ttlMs, log);
    this.endings = new Endings(store.upkeep, Object.keys(config.taskTypes));
    // Often enough that nothing outstays its keep time by more than a tenth of it.
    const keeps = Object.values(config.taskTypes).map((type) => type.keepMs ?? Number.POSITIVE_INFINITY);
    this.purgeEveryMs = Math.min(PURGE_MOST_MS, Math.max(PURGE_LEAST_MS, Math.min(...keeps) / 10));
  }

  start(): void {
    this.running ??= this.loop();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.resting.abort();
    await this.running;
    await this.newcomers?.idle();
    if (this.leading) await this.store.upkeep.unlock(LOCK, this.holder).catch(() => undefined);
  }

  /** Looks at once instead of at the next tick. */
  nudge(): void {
    this.resting.abort();
  }

  private async loop(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      let more = false;
      try {
        more = await this.tick();
        failures = 0;
      } catch (error) {
        this.leases.forget();
        if (failures++ % 20 === 0)
          this.log.warn({ err: (error as Error).message }, "the reconciler's tick failed; it goes on");
      }
      if (!more && !this.stopping) await this.rest(failures === 0 ? TICK_MS : backoffMs(failures, AFTER_FAILURE));
    }
  }

  private rest(ms: number): Promise<void> {
    this.resting = new AbortController();
    return pause(ms, this.resting.signal);
  }

  /** One round; true when there was more than a page of work. */
  private async tick(): Promise<boolean> {
    const held = await this.store.upkeep.lock(LOCK, this.holder, LOCK_MS, this.endings.place);
    this.leading = held !== null;
    if (!held) {
      this.leases.forget();
      this.endings.resign();
      this.newcomers?.resign();
      return false;
    }
    this.endings.lead(held.place);
    const now = performance.now();
    if (now - this.lastReap >= REAP_EVERY_MS) {
      this.lastReap = now;
      this.newcomers?.look();
      await this.leases.reap(now);
    }
    await this.inbox.takeIn();
    const due = await this.store.upkeep.due(PAGE);
    if (due.length > 0) await this.attend(due);
    const more = await this.endings.follow();
    await this.endings.sweep(now);
    if (due.length < PAGE && now - this.lastPurge > this.purgeEveryMs) await this.purge(now);
    this.lastTick = performance.now();
    return more || due.length === PAGE;
  }

  private async attend(rows: DueResponse[]): Promise<void> {
    const { upkeep } = this.store;
    const by = new Map<Action, DueResponse[]>();
    for (const row of rows) {
      const action = decide(row);
      const list = by.get(action);
      if (list) list.push(row);
      else by.set(action, [row]);
    }
    const all = (action: Action) => by.get(action) ?? [];
    if (by.has("miss")) await upkeep.miss(all("miss"));
    if (by.has("withdraw")) await upkeep.withdraw(all("withdraw"));
    if (by.has("reclaim")) await this.leases.reclaim(all("reclaim"));
    if (by.has("await")) await this.leases.await(all("await"), performance.now());
    if (by.has("wait")) {
      const waiting = all("wait").map((row) => ({
        ...row,
        ms: row.nextClockMs ?? FAR_MS,
        tell: row.status === "running",
      }));
      await upkeep.postpone(waiting);
    }
    if (by.has("recheck")) await this.recheck(all("recheck"));
    if (by.has("publish")) await this.publish(all("publish"));
    // Last: a task's new status counts what has just been decided. An unreceived response past its wait makes it incomplete.
    const unsettled = rows.filter((row) => row.status !== "expected" || row.waitOver);
    const changed = [...all("miss"), ...all("withdraw")];
    const taskIds = new Set([...unsettled, ...changed].map((row) => row.taskId));
    if (taskIds.size > 0) await upkeep.settle([...taskIds]);
  }

  /** Published and still unclaimed: is its message in the queue? If the queue is empty or gone, it is published again. */
  private async recheck(rows: DueResponse[]): Promise<void> {
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

  private async publish(rows: DueResponse[]): Promise<void> {
    if (!this.brokerUp()) return this.later(rows, awayMs(rows));
    const payloads = await this.store.upkeep.payloads([
      ...new Set(rows.filter((row) => row.payloadBytes <= MAX_INLINE_PAYLOAD).map((row) => row.taskId)),
    ]);
    const confirmed: ResponseKey[] = [];
    const refused: DueResponse[] = [];
    const homeless: DueResponse[] = [];
    const sends: Promise<void>[] = [];
    const registered = await this.registered(rows);
    for (const [, group] of groupByQueue(rows)) {
      const { type, endpoint } = group[0]!;
      const known = registered.get(type);
      const refusal = known instanceof TransportError ? known : await this.topology.declareType(type).catch(ofBroker);
      if (refusal instanceof TransportError) {
        refused.push(...group);
        continue;
      }
      if (endpoint !== ANY_ENDPOINT && !(known as ReadonlySet<string>).has(endpoint)) {
        homeless.push(...group);
        continue;
      }
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
    if (confirmed.length > 0) await this.store.upkeep.published(confirmed, RECHECK_MS);
    if (refused.length > 0) await this.later(refused, awayMs(refused));
    // Nobody of that name has registered yet: when it does, the registration makes these due.
    if (homeless.length > 0) {
      await this.store.upkeep.postpone(homeless.map((row) => ({ ...row, ms: row.nextClockMs ?? FAR_MS })));
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
    return this.store.upkeep.postpone(rows.map((row) => ({ ...row, ms })));
  }

  private brokerUp(): boolean {
    const health = this.transport.health();
    return health.connected && !health.blocked;
  }

  private async purge(now: number): Promise<void> {
    this.lastPurge = now;
    for (const type of Object.values(this.config.taskTypes)) {
      if (type.keepMs === null) continue;
      const gone = await this.store.upkeep.purge(type.name, type.keepMs, PURGE_PAGE);
      if (gone === PURGE_PAGE) this.lastPurge = 0;
      if (gone > 0) this.log.info({ type: type.name, tasks: gone }, "deleted finished tasks past their keep time");
    }
  }
}

/** What the broker refuses concerns one type; the others' work goes on. */
function ofBroker(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  throw error;
}

function awayMs(rows: readonly DueResponse[]): number {
  return rows.length < PAGE / 2 ? BROKER_AWAY_MS : 2 * BROKER_AWAY_MS;
}
