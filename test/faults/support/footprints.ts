import { nameOf, type Place } from "./nemesis-faults";

/** A process is looked at when its pools, caches and handler processes are there. */
export const WARM_MS = 20_000;
/** Memory and descriptors are flat when the end is no more than this above what was there after the warm-up. */
const MAX_MEMORY = { factor: 1.5, bytes: 32 * 1024 ** 2 };
const MAX_DESCRIPTORS = 20;

interface Look {
  /** By performance.now(). */
  at: number;
  rss: number;
  fds: number;
}

/** Memory and descriptors of each place's process over time. Faults replace processes: what is compared is what stands there. */
export class Footprints {
  private readonly looks = new Map<Place, Look[]>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly places: readonly Place[]) {
    this.timer = setInterval(() => this.look(), 2000);
  }

  /** Notes the processes that are warm. */
  look(): void {
    const at = performance.now();
    for (const place of this.places) {
      if (!place.program.running || at - place.startedAt < WARM_MS) continue;
      const looks = this.looks.get(place) ?? [];
      this.looks.set(place, looks);
      looks.push({ at, ...place.program.footprint() });
    }
  }

  stop(): void {
    clearInterval(this.timer);
    this.look();
  }

  /** A line for each process: after the warm-up, in the middle, at the end. */
  table(): Array<Record<string, string | number>> {
    return [...this.looks].map(([place, looks]) => {
      const first = looks[0]!;
      const last = looks.at(-1)!;
      const half = (first.at + last.at) / 2;
      const middle = looks.find(({ at }) => at >= half)!;
      const in3 = (of: (look: Look) => number) => [first, middle, last].map(of).join(" → ");
      return {
        process: nameOf(place),
        "memory, MB": in3(({ rss }) => Math.round(rss / 1024 ** 2)),
        descriptors: in3(({ fds }) => fds),
        flat: isFlat(first, last) ? "yes" : "NO",
      };
    });
  }

  get flat(): boolean {
    return [...this.looks.values()].every((looks) => isFlat(looks[0]!, looks.at(-1)!));
  }
}

function isFlat(first: Look, last: Look): boolean {
  const memory = first.rss * MAX_MEMORY.factor + MAX_MEMORY.bytes;
  return last.rss <= memory && last.fds <= first.fds + MAX_DESCRIPTORS;
}
