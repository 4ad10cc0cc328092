import { TaskerProblem, TaskerUnreachable } from "./errors";
import type { Call, Http } from "./http";
import { backoffMs, pauseFor } from "./pause";
import { EventParser } from "./sse";
import { openStream } from "./stream";
import type { Json, TaskEvent } from "./types";

const MAX_PAUSE_MS = 15_000;

export interface EventsOptions {
  signal?: AbortSignal;
  /** Id of the last event seen; the stream resumes after it. */
  after?: string;
  /** Called each time the stream is opened or reopened. */
  onOpen?(): void;
  /** Fruitless tries in a row before it rejects. @default 8 */
  retries?: number;
}

/**
 * Events of a `text/event-stream`, reopened after the last event when it breaks (Last-Event-ID).
 * Ends when the server has no more (204), by `signal`, by leaving the loop, or with TaskerProblem
 * or TaskerUnreachable.
 */
export async function* readEvents(
  http: Http,
  call: Call,
  options: EventsOptions = {},
): AsyncGenerator<TaskEvent, void> {
  let lastId = options.after ?? null;
  let pauseMs = 1000;
  let fruitless = 0;
  for (;;) {
    try {
      const parser = new EventParser();
      const events = await openStream(http, call, parser, { signal: options.signal, after: lastId });
      if (!events) return;
      options.onOpen?.();
      for await (const event of events) {
        fruitless = 0;
        pauseMs = Math.min(MAX_PAUSE_MS, parser.retry ?? pauseMs);
        if (event.id !== null) lastId = event.id;
        yield { id: event.id, event: event.event, data: http.parse(event.data) as Json };
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof TaskerProblem && error.status < 500 && error.status !== 429) throw error;
      if (fruitless >= (options.retries ?? 8)) {
        throw error instanceof TaskerProblem || error instanceof TaskerUnreachable
          ? error
          : new TaskerUnreachable(http.base, fruitless + 1, error);
      }
    }
    fruitless++;
    await pauseFor(backoffMs(fruitless - 1, pauseMs, MAX_PAUSE_MS), options.signal);
  }
}
