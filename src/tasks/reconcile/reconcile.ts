import { type Backoff, backoffMs, pause } from "../../backoff";
import type { Config } from "../../config/config";
import type { Log } from "../../log";
import { newId } from "../../model/ids";
import type { DueResponse, Store } from "../../store/store";
import type { QueueRegistry } from "../queue-registry";
import type { Inbox } from "../requests/inbox";
import { CompletionFeed } from "./completion-feed";
import { type Action, decide } from "./decide";
import type { Housekeeping } from "./housekeeping";
import { Leases } from "./leases";
import type { Leftovers } from "./leftovers";
import type { Newcomers } from "./newcomers";
import type { Republisher } from "./republish";

const LOCK = "reconciler";
const LOCK_MS = 5000;
const TICK_MS = 250;
const REAP_EVERY_MS = 1000;
const AFTER_FAILURE: Backoff = { firstMs: 2 * TICK_MS, factor: 2, maxMs: 1000 };
const PAGE = 500;
const PURGE_MOST_MS = 60_000;
const PURGE_LEAST_MS = 1000;
const PURGE_PAGE = 500;
const FAR_MS = 3_600_000;

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
  private readonly endings: CompletionFeed;
  private readonly leases: Leases;
  /** Milliseconds (monotonic) of the last tick that got through, for health. */
  lastTick = performance.now();
  leading = false;

  constructor(
    private readonly config: Config,
    private readonly store: Store,
    private readonly topology: QueueRegistry,
    private readonly republisher: Republisher,
    private readonly inbox: Inbox,
    private readonly newcomers: Newcomers | null,
    private readonly housekeeping: Housekeeping,
    private readonly leftovers: Leftovers,
    private readonly log: Log,
  ) {
    this.leases = new Leases(store.maintenance, config.manager.ttlMs, log);
    this.endings = new CompletionFeed(store.maintenance, () => this.types().map(({ name }) => name));
  }

  start(): void {
    this.running ??= this.loop();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.resting.abort();
    await this.running;
    await this.newcomers?.idle();
    if (this.leading) await this.store.maintenance.unlock(LOCK, this.holder).catch(() => undefined);
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
    await this.topology.refresh();
    const held = await this.store.maintenance.lock(LOCK, this.holder, LOCK_MS, this.endings.place);
    this.leading = held !== null;
    if (!held) {
      this.leases.forget();
      this.endings.resign();
      this.newcomers?.resign();
      return false;
    }
    this.endings.lead(held.place);
    const now = performance.now();
    if (now - this.lastReap >= Math.min(REAP_EVERY_MS, this.leases.nextDeathMs)) {
      this.lastReap = now;
      this.newcomers?.look();
      await this.leases.reap(now);
    }
    await this.inbox.takeIn();
    await this.housekeeping.work(now);
    const due = await this.store.maintenance.due(PAGE);
    if (due.length > 0) await this.attend(due);
    const more = await this.endings.follow();
    await this.endings.sweep(now);
    if (due.length < PAGE && now - this.lastPurge > this.purgeEveryMs()) await this.purge(now);
    this.lastTick = performance.now();
    return more || due.length === PAGE;
  }

  private async attend(rows: DueResponse[]): Promise<void> {
    const { maintenance } = this.store;
    const by = new Map<Action, DueResponse[]>();
    for (const row of rows) {
      const action = decide(row);
      const list = by.get(action);
      if (list) list.push(row);
      else by.set(action, [row]);
    }
    const all = (action: Action) => by.get(action) ?? [];
    if (by.has("miss")) await maintenance.miss(all("miss"));
    if (by.has("withdraw")) await maintenance.withdraw(all("withdraw"));
    if (by.has("reclaim")) await this.leases.reclaim(all("reclaim"));
    if (by.has("await")) await this.leases.await(all("await"), performance.now());
    if (by.has("wait")) {
      const waiting = all("wait").map((row) => ({
        ...row,
        ms: row.nextClockMs ?? FAR_MS,
        tell: row.status === "running",
      }));
      await maintenance.postpone(waiting);
    }
    if (by.has("recheck")) await this.republisher.recheck(all("recheck"));
    if (by.has("publish")) await this.republisher.publish(all("publish"));
    // Last: a task's new status counts what has just been decided. An unreceived response past its wait makes it incomplete.
    const unsettled = rows.filter((row) => row.status !== "expected" || row.waitOver);
    const changed = [...all("miss"), ...all("withdraw")];
    const taskIds = new Set([...unsettled, ...changed].map((row) => row.taskId));
    if (taskIds.size > 0) await maintenance.settle([...taskIds]);
  }

  /** Those of the config, and those that it has had. */
  private types(): ReadonlyArray<{ name: string; keepMs: number | null }> {
    return [...Object.values(this.config.taskTypes), ...this.leftovers.former];
  }

  /** Often enough that nothing outstays its keep time by more than a tenth of it. */
  private purgeEveryMs(): number {
    const keeps = this.types().map((type) => type.keepMs ?? Number.POSITIVE_INFINITY);
    return Math.min(PURGE_MOST_MS, Math.max(PURGE_LEAST_MS, Math.min(...keeps) / 10));
  }

  private async purge(now: number): Promise<void> {
    this.lastPurge = now;
    for (const type of this.types()) {
      if (type.keepMs === null) continue;
      const gone = await this.store.maintenance.purge(type.name, type.keepMs, PURGE_PAGE);
      if (gone === PURGE_PAGE) this.lastPurge = 0;
      if (gone > 0) this.log.info({ type: type.name, tasks: gone }, "deleted finished tasks past their keep time");
    }
  }
}
