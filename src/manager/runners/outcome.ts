import { describeError } from "../../describe-error";
import { jsonOf, type NotJson } from "../../model/json/json";
import type { RunResult } from "./runner";
import { shortText } from "./text";

/**
 * What a handler's return or throw means. Used where the handler runs: in the child process, or
 * inline in the manager.
 */

const PREVIEW_CHARACTERS = 4096;
const REASON = /^[a-z][a-z0-9_]{0,62}$/;

export type Success = Extract<RunResult, { kind: "succeeded" }>;
export type Failure = Extract<RunResult, { kind: "failed" }>;

/** A failure with only what differs from the usual: not permanent, no result. */
export function failure(reason: string, error: string, more: Partial<Failure> = {}): Failure {
  return { kind: "failed", reason, error, permanent: false, result: null, resultText: null, ...more };
}

/**
 * The handler returned `value`. Its JSON text is the result; what JSON cannot carry, or is too
 * large, is a permanent failure.
 */
export function returned(value: unknown, maxResultBytes: number): Success | Failure {
  if (value === undefined) return { kind: "succeeded", result: null, resultText: null };
  let json: string;
  try {
    json = jsonOf(value);
  } catch (error) {
    return notJson((error as NotJson).message);
  }
  return sized(json, maxResultBytes);
}

/** A result that is JSON text already, held against the size limit (bytes). */
export function sized(json: string, maxResultBytes: number): Success | Failure {
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxResultBytes) return { kind: "succeeded", result: json, resultText: null };
  return failure(
    "result_too_large",
    `The handler returned a result of ${bytes} bytes as JSON; at most ${maxResultBytes} are stored (max_result). ` +
      "Store large data elsewhere and return where it is. The start of the result is kept as text.",
    { permanent: true, resultText: shortText(json, Math.min(PREVIEW_CHARACTERS, maxResultBytes)) },
  );
}

function notJson(what: string): Failure {
  return failure(
    "result_not_json",
    `The handler did its work, but the value it returned ${what}. Return plain JSON data.`,
    { permanent: true },
  );
}

/** A result as a handler process has sent it; the handler may have got at the channel. */
export function readResult(sent: object): RunResult {
  const { kind, reason, error, permanent, result = null, resultText = null } = sent as Partial<Failure>;
  const texts = [result, resultText].every((text) => text === null || typeof text === "string");
  if (texts && (kind as string) === "succeeded") return { kind: "succeeded", result, resultText };
  if (texts && kind === "failed" && typeof reason === "string" && REASON.test(reason)) {
    return { kind, reason, error: String(error), permanent: permanent === true, result, resultText };
  }
  return failure("crash", "The handler's process answered with something that is no result.");
}

/**
 * The handler threw `thrown`. A PermanentFailure is known by its name: the handler may have its own
 * copy of the package.
 */
export function threw(thrown: unknown): Failure {
  try {
    const error = thrown as { name?: unknown; reason?: unknown } | null | undefined;
    const permanent = typeof error === "object" && error?.name === "PermanentFailure";
    const given = permanent && typeof error?.reason === "string" && REASON.test(error.reason);
    return failure(given ? (error.reason as string) : "error", describeError(thrown), { permanent });
  } catch {
    return failure("error", "The handler threw a value that cannot be read.");
  }
}
