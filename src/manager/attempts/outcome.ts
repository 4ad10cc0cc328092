import { type Backoff, backoffMs } from "../../backoff";
import { isJson } from "../../model/json/json";
import type { AttemptEnd, Grant } from "../../store/store";
import type { RunResult } from "../runners/runner";
import type { StopCause } from "../runners/stop";

/** Longest error text kept, characters; and how much of a result that cannot be kept is shown. */
const MAX_ERROR = 16_384;
const PREVIEW = 1000;

export interface OutcomePolicy {
  /** Why the attempt was stopped, if it was. */
  cause: StopCause | null;
  /** The manager is draining: what a signal has ended was ended by that. */
  draining: boolean;
  backoff: Backoff;
  maxResultBytes: number;
}

type Failure = Extract<RunResult, { kind: "failed" }>;

/** How an attempt ended: what is to be written about it, beside its lease. */
export type Outcome = Pick<AttemptEnd, "status" | "reason" | "error" | "result" | "resultText" | "retryInMs">;

/** Null: nothing is to be written, the lease is lost. Pure but for the jitter. */
export function outcomeOf(
  grant: Pick<Grant, "attempt" | "attempts">,
  result: RunResult,
  policy: OutcomePolicy,
): Outcome | null {
  const outcome = meaningOf(grant, result, policy);
  return outcome && fitting(outcome, policy.maxResultBytes);
}

function meaningOf(
  grant: Pick<Grant, "attempt" | "attempts">,
  result: RunResult,
  policy: OutcomePolicy,
): Outcome | null {
  if (result.kind === "succeeded") {
    const { result: value, resultText } = result;
    return { status: "succeeded", reason: null, error: null, result: value, resultText };
  }
  if (result.kind === "stopped") {
    if (policy.cause === "lease_lost") return null;
    if (policy.cause === "cancel") {
      const how = result.killed ? "killed" : "stopped";
      const outcome = cancelled(`The handler was ${how} because the task was cancelled.`);
      return result.killed ? { ...outcome, reason: "killed" } : outcome;
    }
    return RELEASED;
  }
  // An inline handler that did not listen may still be running: then `cancelled` would not be true.
  if (policy.cause === "cancel" && result.reason !== "abandoned") {
    const outcome = cancelled(
      `The handler was asked to stop because the task was cancelled, and ended with: ${result.error}`,
    );
    return { ...outcome, result: result.result, resultText: result.resultText };
  }
  if (policy.cause === "drain" || (policy.draining && endedBySignal(result))) return RELEASED;
  const { reason, error, result: kept, resultText } = result;
  const outcome = { reason, error: shortened(error), result: kept, resultText };
  if (result.permanent || grant.attempt >= grant.attempts) return { ...outcome, status: "failed" };
  return {
    ...outcome,
    status: "retrying",
    retryInMs: pauseMs(grant.attempt, result.retryAfterMs ?? 0, policy.backoff),
  };
}

/**
 * The called target may request a longer pause than the type's, up to the longest that the type
 * allows.
 */
function pauseMs(attempt: number, askedMs: number, backoff: Backoff): number {
  return Math.max(backoffMs(attempt, backoff), Math.min(askedMs, backoff.maxMs));
}

const EMPTY = { reason: null, error: null, result: null, resultText: null };

/** Given back unharmed: another attempt follows, this one is not charged. */
const RELEASED: Outcome = { ...EMPTY, status: "received", reason: "drain" };

function cancelled(error: string): Outcome {
  return { ...EMPTY, status: "cancelled", reason: "cancelled", error: shortened(error) };
}

/**
 * Whether a process of the attempt died of a signal, as all of a tree do when a supervisor stops
 * it.
 */
export function endedBySignal(result: RunResult): result is Failure {
  return result.kind === "failed" && result.reason === "signal";
}

/**
 * A result that is no JSON is not stored. One over the limit is refused, not cut: half a document
 * is worse than none. What else the attempt says stays.
 */
function fitting(outcome: Outcome, maxBytes: number): Outcome {
  if (outcome.result !== null && !isJson(outcome.result)) {
    const sentence = "What was given as the result is no JSON text. Its beginning is kept as text.";
    return withoutResult(outcome, "result_not_json", sentence);
  }
  const bytes = Buffer.byteLength(outcome.result ?? "") + Buffer.byteLength(outcome.resultText ?? "");
  if (bytes <= maxBytes) return outcome;
  const sentence = `The result has ${bytes} bytes; at most ${maxBytes} are stored (manager.max_result). Its beginning is kept as text; let the handler return less, or a reference.`;
  return withoutResult(outcome, "result_too_large", sentence);
}

/** The same end after the store has refused to keep its result. */
export function notStorable<E extends Outcome>(end: E, why: string): E {
  const sentence = `The database could not store the result: ${why}. Its beginning is kept as text.`;
  return { ...end, ...withoutResult(end, "result_not_storable", sentence) };
}

/** The last resort, of plain letters only. */
export function bareEnd<E extends Outcome>(end: E): E {
  const error = "The database could store neither the result nor its beginning.";
  return {
    ...end,
    ...EMPTY,
    status: end.status === "succeeded" ? "failed" : end.status,
    reason: "result_not_storable",
    error,
  };
}

function withoutResult(outcome: Outcome, reason: string, sentence: string): Outcome {
  const resultText = preview(outcome.result ?? outcome.resultText ?? "");
  if (outcome.status === "succeeded")
    return { ...outcome, status: "failed", reason, error: sentence, result: null, resultText };
  return { ...outcome, error: shortened(`${outcome.error ?? ""}\n${sentence}`.trim()), result: null, resultText };
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
