/** Why an attempt is to stop. */
export type StopCause = "cancel" | "drain" | "lease_lost";

/**
 * Notifies a runner once that it must stop; the first cause stands. An AbortSignal costs more than
 * the rest of a short attempt, so it is created on first use.
 */
export class Stop {
  /** Null: it may go on. */
  cause: StopCause | null = null;
  private listener: ((cause: StopCause) => void) | null = null;
  private controller: AbortController | null = null;

  /** One listener at a time; null: no further notice. */
  listen(listener: ((cause: StopCause) => void) | null): void {
    this.listener = listener;
  }

  notify(cause: StopCause): void {
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
