import { AsyncLocalStorage } from "node:async_hooks";
import { describeError } from "../../../describe-error";
import type { Log } from "../../../log";

export interface Owner {
  /** For a log: which handler, and for which task. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly log: Log;
  /** Null: its attempt has ended, or there is none. */
  failed: ((error: unknown) => void) | null;
}

type UnownedListener = (error: unknown, running: ReadonlyArray<Owner["about"]>) => void;

/**
 * Uncaught errors in a process that runs handlers inline. Node would end the process; here the
 * async context of an error identifies its attempt:
 *
 *   of an attempt that runs     the attempt fails
 *   of one that has ended       it is logged
 *   unknown                     the owner of the process decides (`onUnowned`): a server drains; a
 *                               library leaves it to Node
 */
class StrayErrors {
  private readonly owners = new AsyncLocalStorage<Owner>();
  private readonly running = new Set<Owner>();
  private unownedListener: UnownedListener | null = null;
  private watching = false;

  /** Runs `work` so that what it starts is known to be `owner`'s. */
  owned<T>(owner: Owner, work: () => T): T {
    this.watch();
    if (owner.failed) this.running.add(owner);
    return this.owners.run(owner, work);
  }

  /** Runs what tasker itself does for a handler: it is not the handler's. */
  unowned<T>(work: () => T): T {
    return this.owners.exit(work);
  }

  /** The attempt has ended; what it has left behind is still known by its name. */
  disowned(owner: Owner): void {
    owner.failed = null;
    this.running.delete(owner);
  }

  /**
   * Sets what this process does about an error of unknown origin, while or after handlers ran
   * inline.
   */
  onUnowned(listener: UnownedListener | null): void {
    this.unownedListener = listener;
  }

  private watch(): void {
    if (this.watching) return;
    this.watching = true;
    process.on("unhandledRejection", this.stray);
    process.on("uncaughtException", this.stray);
  }

  private readonly stray = (error: unknown): void => {
    const owner = this.owners.getStore();
    if (owner === undefined) this.nobodys(error);
    else if (owner.failed) owner.failed(error);
    else {
      const fields = { ...owner.about, err: describeError(error) };
      owner.log.error(fields, "something that an inline handler has left behind failed, and nobody caught it");
    }
  };

  private nobodys(error: unknown): void {
    const [first] = this.running;
    const names = [...this.running].map(({ about }) => about);
    const fields = { err: describeError(error), running: names };
    first?.log.error(fields, "an error that nobody caught, while these handlers were running inline");
    if (this.unownedListener) this.unownedListener(error, names);
    else if (!this.hostListens()) this.asNodeDoes(error);
  }

  /** The surrounding program has its own listener, which gets the error anyway. */
  private hostListens(): boolean {
    const listeners = [...process.listeners("uncaughtException"), ...process.listeners("unhandledRejection")];
    return listeners.some((listener) => listener !== this.stray);
  }

  /** Without our listeners Node prints it and ends the process, as it does in every program. */
  private asNodeDoes(error: unknown): void {
    process.off("unhandledRejection", this.stray);
    process.off("uncaughtException", this.stray);
    setImmediate(() => {
      throw error;
    });
  }
}

/**
 * One for the process, as `uncaughtException` is: a second one would be told of the first one's
 * errors, and each would take the other for a listener of the program.
 */
export const strayErrors = new StrayErrors();
