import { TaskerProblem, TaskerUnreachable } from "./errors";
import type { Http } from "./http";
import { pauseFor } from "./pause";
import type { Task } from "./types";
import { readEvents } from "./watch";

/**
 * Follows one task: yields every state that differs from the one before. Two ways lead to the same
 * outcome.
 *
 *   events   An event triggers a conditional read (ETag), so many events at once cost one read.
 *            A lost event is harmless: the task is also read when the stream is reopened, and
 *            every 3 s.
 *   polling  `?wait=` with If-None-Match: the server holds the answer until something changes.
 */

/** Less than the idle time after which proxies usually close a connection. */
const HOLD_S = 25;
/** Time alone can change a task (to incomplete), without an event. */
const LOOK_AGAIN_MS = 3_000;

export interface Reading {
  task: Task;
  etag: string | null;
}

/** The task; null: unchanged since `etag`. The server waits up to `holdS` seconds for a change. */
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

/** The state yielded last, shared by the two ways. */
interface Position {
  etag: string | null;
}

/** Each new state of the task, the present one first, until the caller stops. */
export async function* pollTask(
  http: Http,
  type: string,
  id: string,
  signal?: AbortSignal,
  at: Position = { etag: null },
): AsyncGenerator<Task, never> {
  let settled = false;
  for (;;) {
    const before = Date.now();
    const reading = await readTask(http, type, id, { etag: at.etag, holdS: at.etag ? HOLD_S : undefined, signal });
    if (reading) {
      at.etag = reading.etag;
      settled = reading.task.settled;
      yield reading.task;
    }
    // The server answers at once for a settled task, which a late response may still change.
    if (settled || at.etag === null || (!reading && Date.now() - before < 500)) await pauseFor(1000, signal);
  }
}

/** As pollTask, triggered by the task's events. Rejects if there is no such stream. */
async function* watchTask(
  http: Http,
  type: string,
  id: string,
  signal: AbortSignal | undefined,
  at: Position,
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
      const reading = await readTask(http, type, id, { etag: at.etag, signal });
      if (reading) {
        at.etag = reading.etag;
        yield reading.task;
      }
      await bell.wait(LOOK_AGAIN_MS, signal);
    }
  } finally {
    ending.abort();
  }
}

/** Follows by events, or by polling where there are none. */
export async function* followTask(
  http: Http,
  type: string,
  id: string,
  signal?: AbortSignal,
): AsyncGenerator<Task, never> {
  const at: Position = { etag: null };
  try {
    yield* watchTask(http, type, id, signal, at);
  } catch (error) {
    signal?.throwIfAborted();
    if (!streamIsMissing(error)) throw error;
  }
  return yield* pollTask(http, type, id, signal, at);
}

/** Whether only the stream is unavailable (an old server, a proxy that refuses it). */
export function streamIsMissing(error: unknown): boolean {
  if (error instanceof TaskerUnreachable) return true;
  if (!(error instanceof TaskerProblem)) return false;
  return ["no_event_stream", "route_not_found", "http_404", "http_405", "http_406", "http_501"].includes(error.code);
}

/** Wakes a waiter. Rings without a waiter are merged into one. */
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
