import { type Backoff, backoffMs } from "../../backoff";
import { isJson } from "../../model/json/json";
import type { AttemptEnd } from "../../store/store";
import type { RunResult } from "../runners/runner";
import type { StopCause } from "../runners/stop";
import type { Grant } from "./attempt";

/** Longest error text kept, characters; and how much of a result that cannot be kept is shown. */
const MAX_ERROR = 16_384;
const PREVIEW = 1000;

export interface OutcomePolicy {
  /** Why the attempt was told to stop, if it was. */
  cause: StopCause | null;
  /** The manager is draining: what a signal has ended was ended by that. */
  draining: boolean;
  backoff: Backoff;
  maxResultBytes: number;
}

type Failure = Extract<RunResult, { kind: "failed" }>;
type Ending = Pick<AttemptEnd, "status" | "reason" | "error" | "result" | "resultText" | "retryInMs">;

/** What is to be written about an attempt that has ended; null: nothing, its lease is lost. Pure but for the jitter. */
export function outcomeOf(grant: Grant, result: RunResult, policy: OutcomePolicy): AttemptEnd | null {
  const ending = endingOf(grant, result, policy);
  if (ending === null) return null;
  const { status, reason, error, result: kept, resultText, retryInMs } = fitting(ending, policy.maxResultBytes);
  const { taskId, endpoint, job, leaseId, generation, attempt } = grant;
  const end = { taskId, endpoint, job, leaseId, generation, attempt, status, reason, error, result: kept, resultText };
  return retryInMs === undefined ? end : { ...end, retryInMs };
}

function endingOf(grant: Grant, result: RunResult, policy: OutcomePolicy): Ending | null {
  if (result.kind === "succeeded") {
    const { result: value, resultText } = result;
    return { status: "succeeded", reason: null, error: null, result: value, resultText };
  }
  if (result.kind === "stopped") {
    if (policy.cause === "lease_lost") return null;
    if (policy.cause === "cancel") {
      const how = result.killed ? "killed" : "stopped";
      const ending = cancelled(`The handler was ${how} because the task was cancelled.`);
      return result.killed ? { ...ending, reason: "killed" } : ending;
    }
    return RELEASED;
  }
  // An inline handler that did not listen may still be running: then `cancelled` would not be true.
  if (policy.cause === "cancel" && result.reason !== "abandoned") {
    const ending = cancelled(
      `The handler was told to stop because the task was cancelled, and ended with: ${result.error}`,
    );
    return { ...ending, result: result.result, resultText: result.resultText };
  }
  if (policy.cause === "drain" || (policy.draining && endedBySignal(result))) return RELEASED;
  const { reason, error, result: kept, resultText } = result;
  const ending = { reason, error: shortened(error), result: kept, resultText };
  if (result.permanent || grant.attempt >= grant.attempts) return { ...ending, status: "failed" };
  return { ...ending, status: "retrying", retryInMs: pauseMs(grant.attempt, result.retryAfterMs ?? 0, policy.backoff) };
}

/** What was called may ask for a longer pause than the type's, up to the longest that the type allows. */
function pauseMs(attempt: number, askedMs: number, backoff: Backoff): number {
  return Math.max(backoffMs(attempt, backoff), Math.min(askedMs, backoff.maxMs));
}

const EMPTY = { reason: null, error: null, result: null, resultText: null };

/** Given back unharmed: another attempt follows, this one is not charged. */
const RELEASED: Ending = { ...EMPTY, status: "received", reason: "drain" };

function cancelled(error: string): Ending {
  return { ...EMPTY, status: "cancelled", reason: "cancelled", error: shortened(error) };
}

/** Whether a process of the attempt died of a signal, as all of a tree do when a supervisor stops it. */
export function endedBySignal(result: RunResult): result is Failure {
  return result.kind === "failed" && result.reason === "signal";
}

/** No result is stored that is no JSON, whoever made it; one over the limit is not cut but refused: half a document is worse than none. What else the attempt says stays. */
function fitting(ending: Ending, maxBytes: number): Ending {
  if (ending.result !== null && !isJson(ending.result)) {
    const sentence = "What was given as the result is no JSON text. Its beginning is kept as text.";
    return withoutResult(ending, "result_not_json", sentence);
  }
  const bytes = Buffer.byteLength(ending.result ?? "") + Buffer.byteLength(ending.resultText ?? "");
  if (bytes <= maxBytes) return ending;
  const sentence = `The result has ${bytes} bytes; at most ${maxBytes} are stored (manager.max_result). Its beginning is kept as text; let the handler return less, or a reference.`;
  return withoutResult(ending, "result_too_large", sentence);
}

/** The same end after the store has refused to keep its result. */
export function notStorable<E extends Ending>(end: E, why: string): E {
  const sentence = `The database could not store the result: ${why}. Its beginning is kept as text.`;
  return { ...end, ...withoutResult(end, "result_not_storable", sentence) };
}

/** The last resort, of plain letters only. */
export function bareEnd<E extends Ending>(end: E): E {
  const error = "The database could store neither the result nor its beginning.";
  return {
    ...end,
    ...EMPTY,
    status: end.status === "succeeded" ? "failed" : end.status,
    reason: "result_not_storable",
    error,
  };
}

function withoutResult(ending: Ending, reason: string, sentence: string): Ending {
  const resultText = preview(ending.result ?? ending.resultText ?? "");
  if (ending.status === "succeeded")
    return { ...ending, status: "failed", reason, error: sentence, result: null, resultText };
  return { ...ending, error: shortened(`${ending.error ?? ""}\n${sentence}`.trim()), result: null, resultText };
}

function shortened(text: string): string {
  if (text.length <= MAX_ERROR) return text;
  return `${text.slice(0, MAX_ERROR).toWellFormed()}\n… (${text.length - MAX_ERROR} more characters are left out)`;
}

/** Without what made it hard to store: a surrogate cut in half, a NUL. */
function preview(text: string): string {
  if (text.length <= PREVIEW) return text.toWellFormed().replaceAll("\0", "\ufffd");
  return `${text.slice(0, PREVIEW).toWellFormed().replaceAll("\0", "\ufffd")}… (${text.length - PREVIEW} more characters are left out)`;
}
