import { TaskerProblem, TaskerUnreachable } from "./errors";
import type { Call, Http } from "./http";
import { backoffMs, pauseFor } from "./pause";
import { EventParser } from "./sse";
import { openStream } from "./stream";
import type { Json, TaskEvent } from "./types";

const MAX_PAUSE_MS = 15_000;

export interface EventsOptions {
  signal?: AbortSignal;
  /** Id of the last event seen: the stream goes on after it. */
  after?: string;
  /** Called each time the stream is open, also after it broke. */
  onOpen?(): void;
  /** Ends with an error after so many tries in a row that brought nothing. @default 8 */
  retries?: number;
}

/**
 * Events of a `text/event-stream`, with the stream opened again where it broke off (Last-Event-ID). Ends when the server says
 * that there is nothing more to come (204), else only by `signal`, by leaving the loop, or with TaskerProblem/TaskerUnreachable.
 */
export async function* readEvents(
  http: Http,
  call: Call,
  options: EventsOptions = {},
): AsyncGenerator<TaskEvent, void> {
  let lastId = options.after ?? null;
  let pauseMs = 1000;
  let barren = 0;
  for (;;) {
    try {
      const parser = new EventParser();
      const events = await openStream(http, call, parser, { signal: options.signal, after: lastId });
      if (!events) return;
      options.onOpen?.();
      for await (const event of events) {
        barren = 0;
        pauseMs = Math.min(MAX_PAUSE_MS, parser.retry ?? pauseMs);
        if (event.id !== null) lastId = event.id;
        yield { id: event.id, event: event.event, data: http.parse(event.data) as Json };
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof TaskerProblem && error.status < 500 && error.status !== 429) throw error;
      if (barren >= (options.retries ?? 8)) {
        throw error instanceof TaskerProblem || error instanceof TaskerUnreachable
          ? error
          : new TaskerUnreachable(http.base, barren + 1, error);
      }
    }
    barren++;
    await pauseFor(backoffMs(barren - 1, pauseMs, MAX_PAUSE_MS), options.signal);
  }
}
