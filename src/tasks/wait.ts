import type { ResponseBrief, TaskStore } from "../store/store";
import { reading } from "./read";
import type { TaskReading } from "./service";

const QUICK_MS = 3;
const SLOW_MS = 200;
/** Each task that is waited for makes a look dearer, and the looks rarer by so much. */
const EACH_MS = 0.1;
/** Younger waits are checked often: most awaited tasks are short. */
const YOUNG_MS = 2000;
const PAGE = 100;
/** Reads compete with the tasks: the pause is this many times the duration of the last read. */
const IDLE_FACTOR = 5;

interface Waiter {
  /** Waits for the task to be settled and for nothing else. */
  settled: boolean;
  since: number;
  done(reading: TaskReading<ResponseBrief>): boolean;
  /** @param seen the awaited state was seen; false: give up */
  wake(seen: boolean): void;
}

/**
 * Everybody who waits for a task shares one look at the database: a page of task states every 3–200
 * ms, however many wait. The database is asked, not the broker, because only it knows, and because
 * another API process may have taken the answer.
 */
export class Waiters {
  private readonly byTask = new Map<string, Set<Waiter>>();
  private looping = false;
  /** Least milliseconds between the last look and the next. */
  private rest = 0;
  private lookMs = 0;
  private closed = false;

  constructor(private readonly store: TaskStore) {}

  /**
   * Resolves true when `done` was seen to hold of the task (`settled`: that it is settled, which
   * can be seen without reading it) or the task was seen to be gone; false when `ms` are over, when
   * `signal` aborts, or on close.
   */
  wait(
    taskId: string,
    ms: number,
    done: "settled" | ((reading: TaskReading<ResponseBrief>) => boolean),
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (ms <= 0 || this.closed || signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const now = performance.now();
      const settled = done === "settled";
      const waiter: Waiter = { settled, since: now, done: settled ? isSettled : done, wake: finish };
      const all = this.byTask.get(taskId) ?? new Set();
      this.byTask.set(taskId, all.add(waiter));
      const giveUp = () => finish(false);
      const timer = setTimeout(giveUp, ms);
      const byTask = this.byTask;
      signal?.addEventListener("abort", giveUp, { once: true });
      function finish(seen: boolean): void {
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        all.delete(waiter);
        if (all.size === 0 && byTask.get(taskId) === all) byTask.delete(taskId);
        resolve(seen);
      }
      this.loop();
    });
  }

  close(): void {
    this.closed = true;
    for (const all of [...this.byTask.values()]) for (const waiter of [...all]) waiter.wake(false);
  }

  private loop(): void {
    if (this.looping) return;
    this.looping = true;
    setTimeout(
      () => {
        this.look()
          .catch(() => {
            // The database is unavailable: each waiter gets its answer at its own deadline.
            this.rest = SLOW_MS;
          })
          .finally(() => {
            this.looping = false;
            if (this.byTask.size > 0) this.loop();
          });
      },
      Math.min(Math.max(this.pace() - this.lookMs, this.rest), SLOW_MS),
    );
  }

  private pace(): number {
    const now = performance.now();
    for (const all of this.byTask.values()) {
      for (const waiter of all) if (now - waiter.since < YOUNG_MS) return QUICK_MS + EACH_MS * this.byTask.size;
    }
    return SLOW_MS;
  }

  private async look(): Promise<void> {
    const ids = [...this.byTask.keys()];
    this.rest = 0;
    this.lookMs = 0;
    for (let i = 0; i < ids.length; i += PAGE) {
      const page = ids.slice(i, i + PAGE);
      const simple = page.filter((id) => this.waitersOf(id).every((waiter) => waiter.settled));
      const began = performance.now();
      await this.lookForSettled(simple);
      const between = performance.now();
      await this.lookAt(page.filter((id) => !simple.includes(id)));
      const ended = performance.now();
      this.rest += (ended - between) * IDLE_FACTOR;
      this.lookMs += ended - began;
    }
  }

  /** Cheap: a task is read whole only once it is settled, by who waits for it. */
  private async lookForSettled(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const open = new Set(await this.store.unsettled(ids));
    for (const id of ids) {
      if (open.has(id)) continue;
      for (const waiter of this.waitersOf(id)) if (waiter.settled) waiter.wake(true);
    }
  }

  private async lookAt(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    for (const found of await this.store.states(ids)) {
      const now = reading(found);
      for (const waiter of this.waitersOf(found.task.id)) if (waiter.done(now)) waiter.wake(true);
    }
  }

  private waitersOf(id: string): Waiter[] {
    return [...(this.byTask.get(id) ?? [])];
  }
}

function isSettled({ state }: TaskReading<ResponseBrief>): boolean {
  return state.settled;
}
