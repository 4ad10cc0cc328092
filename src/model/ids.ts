import { randomFillSync } from "node:crypto";

const HEX: string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/**
 * Makes UUIDv7 (RFC 9562): 48 bits of milliseconds, a 12-bit counter within the millisecond, 62
 * random bits. The ids of one process increase, so rows are added at the right edge of their index,
 * and a list by id is a list by time.
 */
class IdGenerator {
  private lastTime = 0;
  private counter = 0;
  /** The beginning of an id at `lastTime`. */
  private timeText = timeOf(0);
  /** Random bytes are drawn in blocks, since a call for each id would cost more than the id. */
  private readonly pool = Buffer.allocUnsafe(8 * 512);
  private used = this.pool.length;

  next(now: number): string {
    if (now > this.lastTime || ++this.counter > 0xfff) {
      this.lastTime = Math.max(now, this.lastTime + 1);
      this.counter = 0;
      this.timeText = timeOf(this.lastTime);
    }
    if (this.used === this.pool.length) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    const { pool, used: r } = this;
    this.used += 8;
    const count = this.counter.toString(16).padStart(3, "0");
    const variant = HEX[(pool[r]! & 0x3f) | 0x80]!;
    return `${this.timeText}-7${count}-${variant}${HEX[pool[r + 1]!]}-${HEX[pool[r + 2]!]}${HEX[pool[r + 3]!]}${HEX[pool[r + 4]!]}${HEX[pool[r + 5]!]}${HEX[pool[r + 6]!]}${HEX[pool[r + 7]!]}`;
  }
}

/** One for the process: the order of its ids is that of their creation. */
const ids = new IdGenerator();

export function newId(now: number = Date.now()): string {
  return ids.next(now);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: unknown): text is string {
  return typeof text === "string" && UUID.test(text);
}

/**
 * Whether an id sorts by its time. MySQL's `UUID()` does not, and would break every order by id.
 */
export function isTimed(id: unknown): id is string {
  return isId(id) && id[14] === "7";
}

/** The smallest id of a task created at `ms`: a list by time is a range of the primary key. */
export function firstIdAt(ms: number): string {
  return `${timeOf(Math.max(0, Math.floor(ms)))}-7000-8000-000000000000`;
}

function timeOf(ms: number): string {
  const hex = ms.toString(16).padStart(12, "0").slice(-12);
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
