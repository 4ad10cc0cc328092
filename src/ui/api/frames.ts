/** Everything is drawn within this many frames: 100 ms at 60 frames a second. */
const FRAMES = 6;

/**
 * Spreads drawing over the following frames, so that no frame takes too long. A view requested
 * twice is drawn once, with the latest data.
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
