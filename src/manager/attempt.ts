import type { ClaimAnswer } from "../store/store";
import type { Item } from "./parcel";
import type { StopCause } from "./runners/runner";

export type Grant = Extract<ClaimAnswer, { granted: true }>;

/** One attempt under its lease, from the grant to the end of the handler. */
export class Attempt {
  private readonly controller = new AbortController();
  /** Why it was told to stop; the first cause stands. */
  cause: StopCause | null = null;
  readonly startedAt = performance.now();
  /** The store has been told that it runs. */
  told = false;

  constructor(
    readonly item: Item,
    readonly grant: Grant,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  stop(cause: StopCause): void {
    if (this.cause !== null) return;
    this.cause = cause;
    this.controller.abort(new Error(cause));
  }
}
