import { FINAL_TASK_STATUSES, TASK_STATUSES } from "../../model/task";
import type { MaintenanceStore } from "../../store/store";
import { type Duty, Every } from "./duty";

const PAGE = 1000;
const SWEEP_EVERY_MS = 1000;
const SWEEP_PAGE = 500;
const OPEN_STATUSES = TASK_STATUSES.filter((status) => !FINAL_TASK_STATUSES.includes(status));

/**
 * Final responses → the stored status of their tasks. The leader follows the feed of changes from
 * the position that its predecessor had come to (kept with the lock), so that a response's end
 * costs no mark and no second look:
 *
 *   unknown position ──lead──▶ following ──resign──▶ unknown position
 *
 * The position lies behind what has been stored; a round that fails is done again from there. The
 * feed may pass over a commit that took longer than it waits. A slow sweep over all tasks that are
 * stored as open finds those.
 */
export class CompletionFeed implements Duty {
  /** How far the feed has been followed; null while others lead. */
  private followed: string | null = null;
  private readonly sweepEvery = new Every();
  /** Which (type, status) the sweep is at, and behind which id. */
  private at = 0;
  private after = "";

  constructor(
    private readonly maintenance: MaintenanceStore,
    private readonly types: () => ReadonlyArray<{ name: string }>,
  ) {}

  /** From where a successor has to follow; null while others lead. */
  get position(): string | null {
    return this.followed;
  }

  /** @param position the predecessor's position; null: no process has led yet */
  lead(position: string | null): void {
    this.followed ??= position;
  }

  resign(): void {
    this.followed = null;
  }

  async work(now: number): Promise<boolean> {
    const more = await this.follow();
    await this.sweep(now);
    return more;
  }

  /** One page; true: there is more. */
  async follow(): Promise<boolean> {
    const { responses, position, more } = await this.maintenance.ended(this.followed, PAGE);
    if (responses.length > 0) await this.maintenance.completeTasks(responses);
    this.followed = position;
    return more;
  }

  /** One page of one type's tasks that are stored with one open status, once a second. */
  async sweep(now: number): Promise<void> {
    const sweeps = this.types().flatMap(({ name: type }) => OPEN_STATUSES.map((status) => ({ type, status })));
    if (sweeps.length === 0 || !this.sweepEvery.due(now, SWEEP_EVERY_MS)) return;
    const of = { ...sweeps[this.at % sweeps.length]!, after: this.after };
    const { taskIds, next } = await this.maintenance.missedCompletions(of, SWEEP_PAGE);
    if (taskIds.length > 0) await this.maintenance.storeStatus(taskIds);
    this.after = next ?? "";
    if (next === null) this.at = (this.at + 1) % sweeps.length;
  }
}
