import { TaskerProblem, TaskerUnreachable } from "./errors";
import type { Http } from "./http";
import { pauseFor } from "./pause";
import type { Task } from "./types";
import { readEvents } from "./watch";

/**
 * Following one task. Two ways, the same outcome: every state of it that differs from the one before.
 *
 *   events   an event wakes us, a conditional read (ETag) tells how the task stands: many events at once cost one read, and a
 *            lost event costs nothing, since the task is read again whenever the stream was opened anew, and every few seconds
 *   polling  `?wait=` with If-None-Match: the server holds the answer until something has changed
 */

/** Below the idle time after which proxies usually cut a connection. */
const HOLD_S = 25;
/** Some changes are made by the clock alone (a task turns incomplete): nobody sends an event then. */
const LOOK_AGAIN_MS = 3_000;

export interface Reading {
  task: Task;
  etag: string | null;
}

/** The task, or null when it is still the one with this ETag. `holdS`: how long the server may wait for a change, seconds. */
export async function readTask(
  http: Http,
  type: string,
  id: string,
  more: { etag?: string | null; holdS?: number; signal?: AbortSignal } = {},
): Promise<Reading | null> {
  const answer = await http.call({
    path: [type, id],
    query: { wait: more.holdS ? String(more.holdS) : undefined },
    headers: more.etag ? { "if-none-match": more.etag } : undefined,
    accept: [304],
    signal: more.signal,
    timeoutMs: more.holdS ? (more.holdS + 15) * 1000 : undefined,
  });
  if (answer.status === 304) return null;
  return { task: answer.body as Task, etag: answer.headers.get("etag") };
}

/** What was told last; handed on where one way takes over from the other. */
interface Told {
  etag: string | null;
}

/** Each new state of the task, the present one first. Never ends by itself. */
export async function* pollTask(
  http: Http,
  type: string,
  id: string,
  signal?: AbortSignal,
  told: Told = { etag: null },
): AsyncGenerator<Task, never> {
  let settled = false;
  for (;;) {
    const before = Date.now();
    const reading = await readTask(http, type, id, { etag: told.etag, holdS: told.etag ? HOLD_S : undefined, signal });
    if (reading) {
      told.etag = reading.etag;
      settled = reading.task.settled;
      yield reading.task;
    }
    // A settled task is answered at once, however long one is ready to wait; a late answer may change it all the same.
    if (settled || told.etag === null || (!reading && Date.now() - before < 500)) await pauseFor(1000, signal);
  }
}

/** As pollTask, woken by the task's events. Rejects with the stream's problem when there is no such stream. */
async function* watchTask(
  http: Http,
  type: string,
  id: string,
  signal: AbortSignal | undefined,
  told: Told,
): AsyncGenerator<Task, never> {
  const ending = new AbortController();
  const both = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal;
  const bell = new Bell();
  const listening = (async () => {
    const call = { path: [type, id, "events"] };
    for await (const _ of readEvents(http, call, { signal: both, onOpen: () => bell.ring() })) bell.ring();
    bell.ring();
  })();
  listening.catch((error) => bell.fail(error));
  try {
    for (;;) {
      const reading = await readTask(http, type, id, { etag: told.etag, signal });
      if (reading) {
        told.etag = reading.etag;
        yield reading.task;
      }
      await bell.wait(LOOK_AGAIN_MS, signal);
    }
  } finally {
    ending.abort();
  }
}

/** Watches by events, and goes on by polling where events cannot be had. */
export async function* followTask(
  http: Http,
  type: string,
  id: string,
  signal?: AbortSignal,
): AsyncGenerator<Task, never> {
  const told: Told = { etag: null };
  try {
    yield* watchTask(http, type, id, signal, told);
  } catch (error) {
    signal?.throwIfAborted();
    if (!streamIsMissing(error)) throw error;
  }
  return yield* pollTask(http, type, id, signal, told);
}

/** The stream itself is the trouble (an old server, a proxy that refuses it); a missing task or key is not. */
export function streamIsMissing(error: unknown): boolean {
  if (error instanceof TaskerUnreachable) return true;
  if (!(error instanceof TaskerProblem)) return false;
  return ["no_event_stream", "route_not_found", "http_404", "http_405", "http_406", "http_501"].includes(error.code);
}

/** Rings are merged until somebody waits. */
class Bell {
  private rung = false;
  private failure: { error: unknown } | null = null;
  private wake: (() => void) | null = null;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  fail(error: unknown): void {
    this.failure = { error };
    this.wake?.();
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.rung && !this.failure) {
      const woken = new AbortController();
      this.wake = () => woken.abort();
      const either = signal ? AbortSignal.any([signal, woken.signal]) : woken.signal;
      await pauseFor(ms, either).catch(() => {});
      this.wake = null;
      signal?.throwIfAborted();
    }
    if (this.failure) throw this.failure.error;
    this.rung = false;
  }
}
