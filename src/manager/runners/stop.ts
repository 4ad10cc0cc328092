/** Why an attempt is to stop. */
export type StopCause = "cancel" | "drain" | "lease_lost";

/**
 * Tells a runner to stop, once; the first cause stands. An AbortSignal costs more than everything
 * else that a short attempt needs, so it is made when it is asked for.
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
