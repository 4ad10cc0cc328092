import { TaskerProblem, TaskerUnreachable } from "./errors";
import type { Call, Http } from "./http";
import { pauseFor } from "./pause";
import { EventParser } from "./sse";
import type { Json, TaskEvent } from "./types";

/** A stream that says nothing for so long (the server sends a comment every 15 s) is taken for dead. */
const SILENCE_MS = 45_000;
const MOST_PAUSE_MS = 15_000;

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
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastId !== null) headers["last-event-id"] = lastId;
      const response = await http.stream({ ...call, headers, signal });
      if (response.status === 204 || !response.body) return;
      checkMediaType(response);
      options.onOpen?.();
      const parser = new EventParser();
      for await (const event of parsed(response.body, parser, stop)) {
        barren = 0;
        pauseMs = Math.min(MOST_PAUSE_MS, parser.retry ?? pauseMs);
        if (event.id !== null) lastId = event.id;
        yield { id: event.id, event: event.event, data: json(event.data) };
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof TaskerProblem && error.status < 500 && error.status !== 429) throw error;
      if (barren >= (options.retries ?? 8)) {
        throw error instanceof TaskerProblem || error instanceof TaskerUnreachable
          ? error
          : new TaskerUnreachable(http.base, barren + 1, error);
      }
    } finally {
      stop.abort();
    }
    barren++;
    await pauseFor(
      Math.min(MOST_PAUSE_MS, pauseMs * 2 ** Math.max(0, barren - 2)) * (0.5 + Math.random() / 2),
      options.signal,
    );
  }
}

/** The events in a body; ends with it, or after SILENCE_MS without a byte. */
async function* parsed(body: ReadableStream<Uint8Array>, parser: EventParser, stop: AbortController) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  const quiet = () => stop.abort(new Error(`the event stream was silent for ${SILENCE_MS / 1000} s`));
  let timer = setTimeout(quiet, SILENCE_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(quiet, SILENCE_MS);
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

function checkMediaType(response: Response): void {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream")) return;
  void response.body?.cancel();
  throw new TaskerProblem({
    status: 404,
    code: "no_event_stream",
    detail: `This address answers with ${type || "no media type"}, not with an event stream`,
  });
}

function json(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
