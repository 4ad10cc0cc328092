/** Within so many frames everything is drawn: at sixty a second in 100 ms, before the next changes come. */
const FRAMES = 6;

/**
 * Spreads drawing over the frames that follow, so that no frame has so much to do that the next is late. What is asked for twice
 * is drawn once, with what is known by then.
 */
export class Spread<T> {
  private readonly waiting = new Set<T>();
  private share = 0;
  private frame = 0;

  constructor(private readonly draw: (items: readonly T[]) => void) {}

  add(item: T): void {
    this.waiting.add(item);
    this.share = Math.max(this.share, Math.ceil(this.waiting.size / FRAMES));
    this.frame ||= requestAnimationFrame(() => this.next());
  }

  private next(): void {
    const items: T[] = [];
    for (const item of this.waiting) {
      if (items.length === this.share) break;
      items.push(item);
      this.waiting.delete(item);
    }
    this.frame = this.waiting.size > 0 ? requestAnimationFrame(() => this.next()) : 0;
    if (this.frame === 0) this.share = 0;
    this.draw(items);
  }
}
