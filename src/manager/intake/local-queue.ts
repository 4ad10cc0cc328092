import type { Item } from "./delivery-batch";

/** Highest priority first, then in the order of arrival. Priorities are 0–9; what lies outside counts as the nearest. */
export class LocalQueue {
  private readonly lists: Item[][] = Array.from({ length: 10 }, () => []);
  private count = 0;

  get size(): number {
    return this.count;
  }

  push(item: Item): void {
    this.lists[levelOf(item.priority)]!.push(item);
    this.count++;
  }

  /** Takes the next one out. */
  shift(): Item | undefined {
    if (this.count === 0) return undefined;
    for (let level = 9; level >= 0; level--) {
      const item = this.lists[level]!.shift();
      if (item) {
        this.count--;
        return item;
      }
    }
    return undefined;
  }

  remove(item: Item): void {
    const list = this.lists[levelOf(item.priority)]!;
    const at = list.indexOf(item);
    if (at < 0) return;
    list.splice(at, 1);
    this.count--;
  }

  /** All that waits, without taking it out. */
  items(): Item[] {
    return this.count === 0 ? [] : this.lists.flat();
  }
}

function levelOf(priority: number): number {
  return Math.min(9, Math.max(0, Math.trunc(priority) || 0));
}
