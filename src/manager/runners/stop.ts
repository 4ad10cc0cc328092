/** Why an attempt is told to stop. */
export type StopCause = "cancel" | "drain" | "lease_lost";

/**
 * Tells a runner to stop, once; the first cause stands. An AbortSignal would do the same and costs
 * more than all else that a short attempt needs; who wants one gets it.
 */
export class Stop {
  /** Null: it may go on. */
  cause: StopCause | null = null;
  private listener: ((cause: StopCause) => void) | null = null;
  private controller: AbortController | null = null;

  /** One listener at a time; null: nobody listens any more. */
  listen(listener: ((cause: StopCause) => void) | null): void {
    this.listener = listener;
  }

  tell(cause: StopCause): void {
    if (this.cause !== null) return;
    this.cause = cause;
    this.controller?.abort(new Error(cause));
    this.listener?.(cause);
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.cause !== null) this.controller.abort(new Error(this.cause));
    }
    return this.controller.signal;
  }
}
