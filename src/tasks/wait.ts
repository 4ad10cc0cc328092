import type { ResponseBrief, TaskStore } from "../store/store";
import { reading } from "./read";
import type { TaskReading } from "./service";

const QUICK_MS = 20;
const SLOW_MS = 200;
/** A wait younger than this is looked at quickly: most tasks that somebody waits for are short. */
const YOUNG_MS = 2000;
const PAGE = 100;
/** A look at a task with very many responses takes time that they need themselves: then the next one waits this many times as long. */
const REST = 5;

interface Waiter {
  /** Waits for the task to be settled and for nothing else. */
  settled: boolean;
  since: number;
  done(reading: TaskReading<ResponseBrief>): boolean;
  wake(): void;
}

/**
 * Everybody who waits for a task shares one look at the database: a page of task states every 20–200 ms, however many wait.
 * The database is asked, not the broker, because only it knows, and because another API process may have taken the answer.
 */
export class Waiters {
  private readonly byTask = new Map<string, Set<Waiter>>();
  private looping = false;
  /** Milliseconds that the last look took. */
  private took = 0;
  private closed = false;

  constructor(private readonly store: TaskStore) {}

  /**
   * Resolves when `done` holds of the task (`settled`: when it is settled, which can be seen without reading all of it), when `ms` are over,
   * when `signal` aborts, or on close.
   */
  wait(
    taskId: string,
    ms: number,
    done: "settled" | ((reading: TaskReading<ResponseBrief>) => boolean),
    signal?: AbortSignal,
  ): Promise<void> {
    if (ms <= 0 || this.closed || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const now = performance.now();
      const settled = done === "settled";
      const waiter: Waiter = { settled, since: now, done: settled ? isSettled : done, wake: finish };
      const all = this.byTask.get(taskId) ?? new Set();
      this.byTask.set(taskId, all.add(waiter));
      const timer = setTimeout(finish, ms);
      const byTask = this.byTask;
      signal?.addEventListener("abort", finish, { once: true });
      function finish(): void {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        all.delete(waiter);
        if (all.size === 0 && byTask.get(taskId) === all) byTask.delete(taskId);
        resolve();
      }
      this.loop();
    });
  }

  close(): void {
    this.closed = true;
    for (const all of [...this.byTask.values()]) for (const waiter of [...all]) waiter.wake();
  }

  private loop(): void {
    if (this.looping) return;
    this.looping = true;
    setTimeout(
      () => {
        this.look()
          .catch(() => undefined) // The database is away: whoever waits is answered at its own deadline.
          .finally(() => {
            this.looping = false;
            if (this.byTask.size > 0) this.loop();
          });
      },
      Math.min(Math.max(this.pace(), this.took * REST), SLOW_MS),
    );
  }

  private pace(): number {
    const now = performance.now();
    for (const all of this.byTask.values()) {
      for (const waiter of all) if (now - waiter.since < YOUNG_MS) return QUICK_MS;
    }
    return SLOW_MS;
  }

  private async look(): Promise<void> {
    const began = performance.now();
    const ids = [...this.byTask.keys()];
    for (let i = 0; i < ids.length; i += PAGE) {
      for (const found of await this.store.states(await this.worthReading(ids.slice(i, i + PAGE)))) {
        const now = reading(found);
        for (const waiter of [...(this.byTask.get(found.task.id) ?? [])]) if (waiter.done(now)) waiter.wake();
      }
    }
    this.took = performance.now() - began;
  }

  /** Of a task with many responses it is cheap to say that it is not settled, and dear to read them all. */
  private async worthReading(ids: readonly string[]): Promise<string[]> {
    const waitsToSettle = (id: string) => [...(this.byTask.get(id) ?? [])].every((waiter) => waiter.settled);
    const simple = ids.filter(waitsToSettle);
    if (simple.length === 0) return [...ids];
    const open = new Set(await this.store.unsettled(simple));
    return ids.filter((id) => !open.has(id));
  }
}

function isSettled({ state }: TaskReading<ResponseBrief>): boolean {
  return state.settled;
}
