import { TaskerProblem } from "./errors";
import type { Call, Http } from "./http";
import type { EventParser, ServerSentEvent } from "./sse";

/** A stream is dead after this long without a byte; the server sends a comment every 15 s. */
export const SILENCE_MS = 45_000;

export interface StreamOptions {
  signal?: AbortSignal;
  /** Id of the last event seen; the stream resumes after it. */
  after?: string | null;
  /** Called whenever bytes arrive, comments too. */
  onBytes?(): void;
}

/**
 * Opens one connection to an event stream and resolves to its events; to null if the server will
 * send none (204). The events end with the connection, and reject after SILENCE_MS without a byte.
 * Not repeated. Rejects with TaskerProblem, TaskerUnreachable, or the reason of an aborted
 * `signal`.
 */
export async function openStream(
  http: Http,
  call: Call,
  parser: EventParser,
  options: StreamOptions = {},
): Promise<AsyncGenerator<ServerSentEvent, void> | null> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (options.after) headers["last-event-id"] = options.after;
  const response = await http.stream({ ...call, headers, signal });
  if (response.status === 204 || !response.body) return null;
  checkMediaType(response);
  return eventsOf(response.body, parser, stop, options.onBytes);
}

async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  parser: EventParser,
  stop: AbortController,
  onBytes?: () => void,
): AsyncGenerator<ServerSentEvent, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  const quiet = () => stop.abort(new Error(`The event stream was silent for ${SILENCE_MS / 1000} s`));
  let timer = setTimeout(quiet, SILENCE_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(quiet, SILENCE_MS);
      onBytes?.();
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
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
