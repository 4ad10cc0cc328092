import { stopReason } from "./context";
import type { FromChild } from "./ipc";

const MERGE_PROGRESS_MS = 50;

/** Taken before user code runs: a handler may replace what it finds in its process. */
const { setTimeout, clearTimeout } = globalThis;

/** One attempt in a handler process: its signal, and what it reports of its progress. */
export class ChildAttempt {
  private controller: AbortController | null = null;
  private stopCause: string | null = null;
  private progress: { fraction: number; message: string | null } | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    readonly run: number,
    private readonly send: (message: FromChild) => void,
  ) {}

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.stopCause) this.controller.abort(stopReason(this.stopCause));
    }
    return this.controller.signal;
  }

  stop(cause: string): void {
    this.stopCause = cause;
    this.controller?.abort(stopReason(cause));
  }

  /** Reports that follow each other closely are merged: a handler may call it in a tight loop. */
  report(fraction: number, message: string | null): void {
    this.progress = { fraction, message: message ?? this.progress?.message ?? null };
    this.timer ??= setTimeout(() => this.flush(), MERGE_PROGRESS_MS);
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.progress) this.send({ say: "progress", run: this.run, ...this.progress });
    this.progress = null;
  }
}
