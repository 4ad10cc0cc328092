import { AsyncLocalStorage } from "node:async_hooks";
import { describeError } from "../../../describe-error";
import type { Log } from "../../../log";

/**
 * Errors that nobody caught, in a process that runs handlers inline. Node ends the process for
 * them; here the async context in which one was made tells whose it is:
 *
 *   of an attempt that runs     the attempt fails
 *   of one that has ended       it is logged; it harms nobody
 *   unknown                     the owner of the process decides (`onUnownedError`): a server
 *                               drains; a library leaves it to Node
 */
export interface Owner {
  /** For a log: which handler, and for which task. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly log: Log;
  /** Null: its attempt has ended, or there is none. */
  failed: ((error: unknown) => void) | null;
}

type UnownedListener = (error: unknown, running: ReadonlyArray<Owner["about"]>) => void;

const owners = new AsyncLocalStorage<Owner>();
const running = new Set<Owner>();
let unownedListener: UnownedListener | null = null;
let watching = false;

/** Runs `work` so that what it starts is known to be `owner`'s. */
export function owned<T>(owner: Owner, work: () => T): T {
  watch();
  if (owner.failed) running.add(owner);
  return owners.run(owner, work);
}

/** Runs what tasker itself does for a handler: it is not the handler's. */
export function unowned<T>(work: () => T): T {
  return owners.exit(work);
}

/** The attempt has ended; what it has left behind is still known by its name. */
export function disowned(owner: Owner): void {
  owner.failed = null;
  running.delete(owner);
}

/**
 * Sets what this process does about an error of unknown origin, while or after handlers ran inline.
 */
export function onUnownedError(listener: UnownedListener | null): void {
  unownedListener = listener;
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.on("unhandledRejection", stray);
  process.on("uncaughtException", stray);
}

function stray(error: unknown): void {
  const owner = owners.getStore();
  if (owner === undefined) nobodys(error);
  else if (owner.failed) owner.failed(error);
  else {
    const fields = { ...owner.about, err: describeError(error) };
    owner.log.error(fields, "something that an inline handler has left behind failed, and nobody caught it");
  }
}

function nobodys(error: unknown): void {
  const [first] = running;
  const names = [...running].map(({ about }) => about);
  const fields = { err: describeError(error), running: names };
  first?.log.error(fields, "an error that nobody caught, while these handlers were running inline");
  if (unownedListener) unownedListener(error, names);
  else if (!hostListens()) asNodeDoes(error);
}

/** The program that tasker runs in has a listener of its own, which hears of it anyway. */
function hostListens(): boolean {
  const listeners = [...process.listeners("uncaughtException"), ...process.listeners("unhandledRejection")];
  return listeners.some((listener) => listener !== stray);
}

/** Without our listeners Node prints it and ends the process, as it does in every program. */
function asNodeDoes(error: unknown): void {
  process.off("unhandledRejection", stray);
  process.off("uncaughtException", stray);
  setImmediate(() => {
    throw error;
  });
}
