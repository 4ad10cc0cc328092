import { FINAL_TASK_STATUSES, TASK_STATUSES } from "../../model/task";
import type { MaintenanceStore } from "../../store/store";
import { CompletionBuffer } from "./completion-buffer";

const PAGE = 1000;
const SWEEP_EVERY_MS = 1000;
const SWEEP_PAGE = 500;
const OPEN_STATUSES = TASK_STATUSES.filter((status) => !FINAL_TASK_STATUSES.includes(status));

/**
 * Responses that have ended → the stored status of their tasks. Whoever leads the reconciling follows the ends in their order from
 * the place that its predecessor had come to (kept with the lock), so that an end costs no mark and no second look:
 *
 *   unknown place ──lead──▶ following ──no longer leading──▶ unknown place
 *
 * Its place is that behind what has been stored; a round that fails is done again from there. What the feed may pass over, because
 * its commit took longer than the feed waits, is found by a slow sweep over all tasks that are stored as open.
 */
export class CompletionFeed {
  /** How far the feed has been followed; null while others lead. */
  private followed: string | null = null;
  private readonly partly = new CompletionBuffer();
  private lastSweep = 0;
  /** Which (type, status) the sweep is at, and behind which id. */
  private at = 0;
  private after = "";

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly types: () => readonly string[],
  ) {}

  /** From where a successor has to follow; null while others lead. */
  get place(): string | null {
    const before = this.partly.place;
    return before === undefined ? this.followed : before;
  }

  /** `place`: where the one before has come to; null: nobody has led yet. */
  lead(place: string | null): void {
    this.followed ??= place;
  }

  resign(): void {
    this.goBackTo(null);
  }

  /** One page; true when there is more. @param now monotonic milliseconds */
  async follow(now = performance.now()): Promise<boolean> {
    const { responses, place, more } = await this.maintenance.ended(this.followed, PAGE);
    const stored = this.place;
    const ripe = this.partly.sift(responses, this.followed, now);
    try {
      if (ripe.length > 0) await this.maintenance.completeTasks(ripe);
    } catch (error) {
      this.goBackTo(stored);
      throw error;
    }
    this.followed = place;
    return more;
  }

  private goBackTo(place: string | null): void {
    this.partly.clear();
    this.followed = place;
  }

  /** One page in a while. @param now monotonic milliseconds */
  async sweep(now: number): Promise<void> {
    if (now - this.lastSweep < SWEEP_EVERY_MS) return;
    const sweeps = this.types().flatMap((type) => OPEN_STATUSES.map((status) => ({ type, status })));
    if (sweeps.length === 0) return;
    this.lastSweep = now;
    const of = { ...sweeps[this.at % sweeps.length]!, after: this.after };
    const { taskIds, next } = await this.maintenance.missedCompletions(of, SWEEP_PAGE);
    if (taskIds.length > 0) await this.maintenance.settle(taskIds);
    this.after = next ?? "";
    if (next === null) this.at = (this.at + 1) % sweeps.length;
  }
}
