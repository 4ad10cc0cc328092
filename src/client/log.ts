import { streamIsMissing } from "./follow";
import type { Http } from "./http";
import { pauseFor } from "./pause";
import type { LogChunk, Page, ResponseStatus } from "./types";
import { readEvents } from "./watch";

/**
 * A handler's log, in pieces numbered by `seq`. Following it has two ways, the same outcome: the server's stream, resumed after
 * the last piece wherever it breaks; or, where streams cannot be had, pages until the response is final. What was told is told
 * once, whichever way takes over.
 */

const LOG_PAUSE_MS = 500;
/** Tries in a row that bring nothing before pages are read instead. */
const STREAM_RETRIES = 4;

export interface LogPlace {
  type: string;
  id: string;
  endpoint: string;
  job?: string;
}

/** Where the reading stands: the last piece that was told. */
interface Told {
  seq: number;
}

/** What is there, from after piece number `after` on. */
export function readLog(http: Http, place: LogPlace, after = 0, signal?: AbortSignal): AsyncGenerator<LogChunk, void> {
  return pieces(http, place, { seq: after }, signal);
}

/** What is there and what comes, until the response is final. */
export async function* followLog(
  http: Http,
  place: LogPlace,
  after = 0,
  signal?: AbortSignal,
): AsyncGenerator<LogChunk, void> {
  const told: Told = { seq: after };
  try {
    if (yield* stream(http, place, told, signal)) return;
  } catch (error) {
    signal?.throwIfAborted();
    if (!streamIsMissing(error)) throw error;
  }
  for (;;) {
    // Asked before the log is read: what was written until the end is in the pages that follow.
    const response = (await http.call({ path: responsePath(place), query: { job: place.job }, signal })).body;
    yield* pieces(http, place, told, signal);
    if (isFinal((response as { status: ResponseStatus }).status)) return;
    await pauseFor(LOG_PAUSE_MS, signal);
  }
}

/** True: the server has said that this was all. */
async function* stream(
  http: Http,
  place: LogPlace,
  told: Told,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogChunk, boolean> {
  const call = { path: logPath(place), query: { job: place.job } };
  const events = readEvents(http, call, { signal, after: String(told.seq), retries: STREAM_RETRIES });
  for await (const { event, data } of events) {
    if (event === "end") return true;
    const chunk = data as unknown as LogChunk;
    if (event !== "log" || chunk.seq <= told.seq) continue;
    told.seq = chunk.seq;
    yield chunk;
  }
  return false;
}

async function* pieces(
  http: Http,
  place: LogPlace,
  told: Told,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogChunk, void> {
  for (;;) {
    const call = { path: logPath(place), query: { job: place.job, after: told.seq }, signal };
    const page = (await http.call(call)).body as Page<LogChunk>;
    for (const chunk of page.items) {
      told.seq = chunk.seq;
      yield chunk;
    }
    if (page.next === null) return;
  }
}

function responsePath({ type, id, endpoint }: LogPlace): string[] {
  return [type, id, "responses", endpoint];
}

function logPath(place: LogPlace): string[] {
  return [...responsePath(place), "log"];
}

function isFinal(status: ResponseStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled" || status === "missed";
}
