import type { Log } from "../../../log";
import { HandlerProcess } from "./child-process";

const IDLE_MS = 60_000;

/**
 * Handler processes of one type: made on demand, reused, up to `keep` idle ones kept for a minute.
 */
export class Pool {
  private idle: HandlerProcess[] = [];
  private readonly all = new Set<HandlerProcess>();
  private closed = false;
  /** What handlers were found to change, each said once. */
  private readonly changes = new Set<string>();

  /** @param keep how many idle ones at most; 0: each takes one attempt */
  constructor(
    private readonly keep: number,
    private readonly log: Log,
  ) {}

  /**
   * The one used last, whose code and connections are warm, or a new one. `fresh` has performed
   * nothing yet.
   */
  take(): HandlerProcess {
    const child = this.idle.pop() ?? this.spawn();
    if (child.idleTimer) clearTimeout(child.idleTimer);
    child.idleTimer = null;
    child.runs++;
    return child;
  }

  release(child: HandlerProcess, retire: boolean): void {
    child.listener = null;
    child.forgetOutput();
    if (child.ended) return;
    if (retire || child.leaving || this.closed || this.idle.length >= this.keep) {
      void child.close();
      return;
    }
    child.idleTimer = setTimeout(() => {
      this.forget(child);
      void child.close();
    }, IDLE_MS);
    child.idleTimer.unref();
    this.idle.push(child);
  }

  /** Ends every process; idle ones leave by themselves. */
  async close(): Promise<void> {
    this.closed = true;
    this.idle = [];
    await Promise.all([...this.all].map((child) => child.close()));
  }

  private spawn(): HandlerProcess {
    const child = new HandlerProcess();
    this.all.add(child);
    child.onLeaving = (what) => {
      this.forget(child);
      if (this.changes.has(what)) return;
      this.changes.add(what);
      this.log.info(
        { what },
        "a handler has changed what its process shares with later attempts; such processes end after one",
      );
    };
    child.onEnd = () => {
      this.all.delete(child);
      if (this.forget(child)) this.log.warn({ reason: child.death().error }, "an idle handler process ended by itself");
    };
    return child;
  }

  private forget(child: HandlerProcess): boolean {
    const at = this.idle.indexOf(child);
    if (at >= 0) this.idle.splice(at, 1);
    return at >= 0;
  }
}
