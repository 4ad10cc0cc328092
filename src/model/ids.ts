import { randomFillSync } from "node:crypto";

/**
 * UUIDv7 (RFC 9562): 48 bits of milliseconds, a 12-bit counter within the millisecond, 62 random bits.
 * Ids made by one process increase, so rows land at the right edge of their index and a list by id is a list by time.
 */
let lastTime = 0;
let counter = 0;
/** As an id begins with it. */
let timeText = timeOf(0);

// Random bytes are drawn in blocks: a call of its own for each id costs more than the id.
const pool = Buffer.allocUnsafe(8 * 512);
let used = pool.length;

const HEX: string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

export function newId(now: number = Date.now()): string {
  if (now > lastTime || ++counter > 0xfff) {
    lastTime = Math.max(now, lastTime + 1);
    counter = 0;
    timeText = timeOf(lastTime);
  }
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const r = used;
  used += 8;
  const count = counter.toString(16).padStart(3, "0");
  const variant = HEX[(pool[r]! & 0x3f) | 0x80]!;
  return `${timeText}-7${count}-${variant}${HEX[pool[r + 1]!]}-${HEX[pool[r + 2]!]}${HEX[pool[r + 3]!]}${HEX[pool[r + 4]!]}${HEX[pool[r + 5]!]}${HEX[pool[r + 6]!]}${HEX[pool[r + 7]!]}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isId(text: unknown): text is string {
  return typeof text === "string" && UUID.test(text);
}

/** Whether an id made elsewhere stands where its time says; a `UUID()` of MySQL does not, and would upset every order by id. */
export function isTimed(id: unknown): id is string {
  return isId(id) && id[14] === "7";
}

/** The smallest id that a task created at `ms` can have: lists by time become ranges of the primary key. */
export function firstIdAt(ms: number): string {
  return `${timeOf(Math.max(0, Math.floor(ms)))}-7000-8000-000000000000`;
}

function timeOf(ms: number): string {
  const hex = ms.toString(16).padStart(12, "0").slice(-12);
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
