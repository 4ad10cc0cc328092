/**
 * What is under way at this moment, where thousands come and go in a second. A plain Set is dear
 * for that: it makes a new table whenever it has grown or shrunk, and V8 keeps a pointer from each
 * table to the next. Once one of them is old, all later ones survive every young collection until
 * the next full one, each with what it held when it was replaced.
 */

/** What a DenseSet can hold. */
export interface Listed {
  /** Kept by the DenseSet: its index there; -1: it is in none. */
  place: number;
}

/** Objects, in no order. */
export class DenseSet<T extends Listed> {
  private readonly list: T[] = [];

  get size(): number {
    return this.list.length;
  }

  add(one: T): void {
    if (!this.has(one)) one.place = this.list.push(one) - 1;
  }

  has(one: T): boolean {
    return this.list[one.place] === one;
  }

  delete(one: T): void {
    if (!this.has(one)) return;
    const last = this.list.pop()!;
    if (last !== one) {
      this.list[one.place] = last;
      last.place = one.place;
    }
    one.place = -1;
  }

  /** Those that stand on it now, whatever comes and goes meanwhile. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.list.slice().values();
  }
}

/**
 * Names or numbers. Begins anew whenever it is empty, which under load it is many times a second.
 */
export class Keys<K extends string | number> {
  private keys = new Set<K>();

  get size(): number {
    return this.keys.size;
  }

  add(key: K): void {
    this.keys.add(key);
  }

  has(key: K): boolean {
    return this.keys.has(key);
  }

  /** Whether it was there. */
  delete(key: K): boolean {
    const was = this.keys.delete(key);
    if (was && this.keys.size === 0) this.keys = new Set();
    return was;
  }

  [Symbol.iterator](): IterableIterator<K> {
    return this.keys.values();
  }
}
