import { type Backoff, backoffMs, pause } from "../../backoff";
import type { Log } from "../../log";
import { newId } from "../../model/ids";
import type { MaintenanceStore } from "../../store/store";
import type { QueueRegistry } from "../publish/queue-registry";
import type { CompletionFeed } from "./completion-feed";
import type { Duty } from "./duty";

const LOCK = "reconciler";
const LOCK_MS = 5000;
const TICK_MS = 250;
const AFTER_FAILURE: Backoff = { firstMs: 2 * TICK_MS, factor: 2, maxMs: 1000 };
/** Of failures in a row the first is logged, and then one in so many. */
const LOG_EVERY = 20;

/**
 * One reconciler leads at a time, under a lock row in the database. Every API process runs this
 * loop and waits for the lock. Each duty works by compare-and-set, so two leaders at once (a lock
 * that was lost unnoticed) do no harm. Nothing is kept in memory that a restart would lose.
 *
 * The lock row also keeps how far the leader has followed the completion feed, for its successor.
 */
export class Reconciler {
  private readonly holder = newId();
  private running: Promise<void> | null = null;
  private stopping = false;
  private resting = new AbortController();
  /** Monotonic milliseconds of the last round that got through, for health. */
  lastTick = performance.now();
  leading = false;

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly queues: QueueRegistry,
    private readonly feed: CompletionFeed,
    private readonly duties: readonly Duty[],
    private readonly log: Log,
  ) {}

  start(): void {
    this.running ??= this.loop();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.resting.abort();
    await this.running;
    for (const duty of this.duties) await duty.idle?.();
    if (this.leading) await this.maintenance.unlock(LOCK, this.holder).catch(() => undefined);
  }

  /** Begins the next round at once. */
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
        for (const duty of this.duties) duty.failed?.();
        if (failures++ % LOG_EVERY === 0)
          this.log.warn({ err: (error as Error).message }, "the reconciler's tick failed; it goes on");
      }
      if (!more && !this.stopping) await this.rest(failures === 0 ? TICK_MS : backoffMs(failures, AFTER_FAILURE));
    }
  }

  private rest(ms: number): Promise<void> {
    this.resting = new AbortController();
    return pause(ms, this.resting.signal);
  }

  /** One round; true: there is more to do. */
  private async tick(): Promise<boolean> {
    await this.queues.refresh();
    const held = await this.maintenance.lock(LOCK, this.holder, LOCK_MS, this.feed.position);
    this.leading = held !== null;
    if (!held) {
      for (const duty of this.duties) duty.resign?.();
      return false;
    }
    this.feed.lead(held.position);
    const now = performance.now();
    let busy = false;
    for (const duty of this.duties) busy = (await duty.work(now, busy)) || busy;
    this.lastTick = performance.now();
    return busy;
  }
}
