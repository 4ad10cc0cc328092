import type { ClaimAnswer } from "../store/store";
import type { Item } from "./parcel";
import { Stop } from "./runners/stop";

export type Grant = Extract<ClaimAnswer, { granted: true }>;

/** One attempt under its lease, from the grant to the end of the handler. */
export class Attempt {
  /** Why it was told to stop, if it was; the first cause stands. */
  readonly stop = new Stop();
  readonly startedAt = performance.now();
  /** The store has been told that it runs. */
  told = false;

  constructor(
    readonly item: Item,
    readonly grant: Grant,
  ) {}
}
