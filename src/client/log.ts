import { streamIsMissing } from "./follow";
import type { Http } from "./http";
import { pauseFor } from "./pause";
import { isFinal, type LogChunk, type Page, type ResponseStatus } from "./types";
import { readEvents } from "./watch";

/**
 * A handler's log, in chunks numbered by `seq`. It is followed by the server's stream, resumed
 * after the last chunk when it breaks; or, where streams are unavailable, by pages until the
 * response is final. Each chunk is yielded once.
 */

const LOG_PAUSE_MS = 500;
/** Fruitless tries in a row before pages are read instead. */
const STREAM_RETRIES = 4;

export interface LogOf {
  type: string;
  id: string;
  endpoint: string;
  job?: string;
}

/** The last chunk that was yielded. */
interface Position {
  seq: number;
}

/** The chunks that exist after chunk number `after`. */
export function readLog(http: Http, of: LogOf, after = 0, signal?: AbortSignal): AsyncGenerator<LogChunk, void> {
  return chunks(http, of, { seq: after }, signal);
}

/** The chunks that exist and those that follow, until the response is final. */
export async function* followLog(
  http: Http,
  of: LogOf,
  after = 0,
  signal?: AbortSignal,
): AsyncGenerator<LogChunk, void> {
  const at: Position = { seq: after };
  try {
    if (yield* stream(http, of, at, signal)) return;
  } catch (error) {
    signal?.throwIfAborted();
    if (!streamIsMissing(error)) throw error;
  }
  for (;;) {
    // Read before the log, so that the pages hold everything that was logged until the end.
    const response = (await http.call({ path: responsePath(of), query: { job: of.job }, signal })).body;
    yield* chunks(http, of, at, signal);
    if (isFinal((response as { status: ResponseStatus }).status)) return;
    await pauseFor(LOG_PAUSE_MS, signal);
  }
}

/** Returns true when the server has ended the log. */
async function* stream(
  http: Http,
  of: LogOf,
  at: Position,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogChunk, boolean> {
  const call = { path: logPath(of), query: { job: of.job } };
  const events = readEvents(http, call, { signal, after: String(at.seq), retries: STREAM_RETRIES });
  for await (const { event, data } of events) {
    if (event === "end") return true;
    const chunk = data as unknown as LogChunk;
    if (event !== "log" || chunk.seq <= at.seq) continue;
    at.seq = chunk.seq;
    yield chunk;
  }
  return false;
}

async function* chunks(
  http: Http,
  of: LogOf,
  at: Position,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogChunk, void> {
  for (;;) {
    const call = { path: logPath(of), query: { job: of.job, after: at.seq }, signal };
    const page = (await http.call(call)).body as Page<LogChunk>;
    for (const chunk of page.items) {
      at.seq = chunk.seq;
      yield chunk;
    }
    if (page.next === null) return;
  }
}

function responsePath({ type, id, endpoint }: LogOf): string[] {
  return [type, id, "responses", endpoint];
}

function logPath(of: LogOf): string[] {
  return [...responsePath(of), "log"];
}
