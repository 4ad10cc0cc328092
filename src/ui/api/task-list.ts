import { batch, signal } from "@preact/signals";
import type { ResponseChange, TaskSummary } from "../../client/types";
import { listTasks } from "./calls";
import { messageOf, type Query } from "./http";
import { paused, REFETCH_MS } from "./live";

const PAGE = 100;
const MAX_NEW_PAGES = 5;

/**
 * A list of tasks, newest first, loaded page by page. Changed tasks are read again with the part of
 * the list around them, at most every 2 s. Ids grow with time, so the order of ids is the order of
 * the list.
 *
 * While the list is held (pointer or focus inside) nothing moves: rows change in place, new ones
 * are only counted.
 */
export class TaskList {
  readonly items = signal<readonly TaskSummary[]>([]);
  readonly next = signal<string | null>(null);
  readonly busy = signal(false);
  readonly loaded = signal(false);
  readonly error = signal("");
  /** New tasks that wait until the list is released. */
  readonly waiting = signal(0);

  private held = false;
  private arrivals = false;
  private readonly dirty = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private lastFetch = 0;
  private readonly gone = new AbortController();

  constructor(
    private readonly query: Query,
    private readonly limit = PAGE,
    private readonly refetchMs = REFETCH_MS,
  ) {}

  async start(): Promise<void> {
    await this.guarded(async () => {
      const page = await this.fetch(null, this.limit);
      batch(() => {
        this.items.value = page.items;
        this.next.value = page.next;
      });
    });
    this.loaded.value = true;
  }

  async more(): Promise<void> {
    const after = this.next.peek();
    if (after === null || this.busy.peek()) return;
    await this.guarded(async () => {
      const page = await this.fetch(after, this.limit);
      batch(() => {
        this.items.value = [...this.items.peek(), ...page.items.filter((task) => task.id < after)];
        this.next.value = page.next;
      });
    });
  }

  /** Marks changed tasks. Unknown tasks cause the top of the list to be read. */
  onChanges(changes: readonly ResponseChange[]): void {
    if (!this.loaded.peek()) return;
    const known = new Set(this.items.peek().map((task) => task.id));
    for (const change of changes) {
      if (known.has(change.task_id)) this.dirty.add(change.task_id);
      else this.arrivals = true;
    }
    this.schedule();
  }

  /** Reads all tasks again that may still change. */
  refresh(): void {
    for (const task of this.items.peek().slice(0, this.limit)) this.dirty.add(task.id);
    for (const task of this.items.peek()) if (!task.settled) this.dirty.add(task.id);
    this.arrivals = true;
    this.schedule();
  }

  /** Nothing moves while the list is held; releasing it shows what has arrived. */
  hold(held: boolean): void {
    if (this.held === held) return;
    this.held = held;
    if (!held && this.waiting.peek() > 0) this.refresh();
  }

  /** On request, or after an action: shows new tasks and removes old ones, held or not. */
  refreshNow(): void {
    const held = this.held;
    this.held = false;
    this.lastFetch = 0;
    for (const task of this.items.peek().slice(0, this.limit)) this.dirty.add(task.id);
    this.arrivals = true;
    void this.refetch().finally(() => {
      this.held = held;
    });
  }

  stop(): void {
    this.gone.abort();
    if (this.timer) clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.timer || paused.peek() || (!this.arrivals && this.dirty.size === 0)) return;
    const wait = Math.max(100, this.lastFetch + this.refetchMs - Date.now());
    this.timer = setTimeout(() => {
      this.timer = null;
      if (paused.peek()) return;
      void this.refetch().then(() => this.schedule());
    }, wait);
  }

  private async refetch(): Promise<void> {
    this.lastFetch = Date.now();
    const arrivals = this.arrivals;
    this.arrivals = false;
    await this.guarded(async () => {
      if (arrivals) await this.top();
      const items = this.items.peek();
      // At most three windows a round: what changes everywhere at once is caught up with round by
      // round.
      for (let round = 0; round < 3 && this.dirty.size > 0; round++) {
        const first = items.findIndex((task) => this.dirty.has(task.id));
        if (first < 0) {
          this.dirty.clear();
          return;
        }
        const window = items.slice(first, first + this.limit);
        for (const task of window) this.dirty.delete(task.id);
        await this.window(first === 0 ? null : items[first - 1]!.id, window.length);
      }
    });
  }

  private async top(): Promise<void> {
    const newest = this.items.peek()[0]?.id ?? "";
    for (let after: string | null = null, page = 0; ; page++) {
      const next: string | null = await this.window(after, this.limit);
      if (next === null || next <= newest) return;
      if (page + 1 === MAX_NEW_PAGES) {
        // So much is new that the old rows would hang below a gap.
        this.items.value = this.items.peek().filter((task) => task.id >= next);
        this.next.value = next;
        return;
      }
      after = next;
    }
  }

  /** Replaces the part of the list below `after` by the server's answer. Returns its end. */
  private async window(after: string | null, length: number): Promise<string | null> {
    const page = await this.fetch(after, Math.min(this.limit, Math.max(1, length)));
    const fresh = new Map(page.items.map((task) => [task.id, task]));
    const inside = (id: string) => (after === null || id < after) && (page.next === null || id >= page.next);
    const old = this.items.peek();
    if (this.held) {
      const known = new Set(old.map((task) => task.id));
      this.items.value = old.map((task) => fresh.get(task.id) ?? task);
      const top = old[0]?.id ?? "";
      this.waiting.value = page.items.filter((task) => !known.has(task.id) && task.id > top).length;
      return page.next;
    }
    batch(() => {
      const kept = old.filter((task) => !inside(task.id));
      this.items.value = [...kept, ...page.items].sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
      this.waiting.value = 0;
      if (page.next === null) this.next.value = null;
    });
    return page.next;
  }

  private fetch(after: string | null, limit: number) {
    return listTasks({ ...this.query, limit, after }, this.gone.signal);
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    this.busy.value = true;
    try {
      await work();
      this.error.value = "";
    } catch (error) {
      if (this.gone.signal.aborted) return;
      this.error.value = messageOf(error);
    } finally {
      this.busy.value = false;
    }
  }
}
