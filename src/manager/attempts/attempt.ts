import type { TaskTypeConfig } from "../../config/config";
import type { ClaimAnswer, LateClaim } from "../../store/store";
import type { Item } from "../intake/delivery-batch";
import { Stop } from "../runners/stop";

export type Grant = Extract<ClaimAnswer, { granted: true }>;

/** One attempt under its lease, from the grant to the end of the handler. */
export class Attempt {
  /** Why it was told to stop, if it was; the first cause stands. */
  readonly stop = new Stop();
  readonly startedAt = performance.now();
  place = -1;
  /** The store has been told that it runs. */
  told = false;
  /** The call that claims it after the fact; never rejects. */
  claiming: Promise<void> | null = null;
  private kept: (() => void) | null = null;

  /** @param late of one that has begun before its claim, until it is claimed: its type, and the incarnation that began it */
  constructor(
    readonly item: Item,
    readonly grant: Grant,
    public late: { managerId: string; type: TaskTypeConfig } | null = null,
  ) {}

  /** The store has answered to its claim: from now on it is as every other. */
  claimed(): void {
    this.late = null;
    this.kept?.();
    this.kept = null;
  }

  /** Does what needs the lease; before the claim the last of it is kept. */
  underLease(act: () => void): void {
    if (this.late === null) act();
    else this.kept = act;
  }

  /** The claim that is to be made with the end; undefined: it has been made. */
  claimWithEnd(performer: string): LateClaim | undefined {
    if (this.late === null) return undefined;
    const { managerId, type } = this.late;
    return { managerId, performer, type: type.name, ranMs: performance.now() - this.startedAt };
  }
}
