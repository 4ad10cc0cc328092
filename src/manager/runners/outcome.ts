import { inspect } from "node:util";
import type { Json } from "../../model/json";
import { deeperThan, MAX_DEPTH } from "../../model/json";
import type { RunResult } from "./runner";
import { shortText } from "./text";

/** What a handler's return or throw means. Used where the handler runs: in the child process, or inline in the manager. */

const PREVIEW_CHARACTERS = 4096;
const ERROR_CHARACTERS = 8192;
const STACK_LINES = 6;
const REASON = /^[a-z][a-z0-9_]{0,62}$/;

export type Failure = Extract<RunResult, { kind: "failed" }>;

/** A failure with only what differs from the usual: not permanent, no result. */
export function failure(reason: string, error: string, more: Partial<Failure> = {}): Failure {
  return { kind: "failed", reason, error, permanent: false, result: null, resultText: null, ...more };
}

/** The handler returned `value`. Its JSON text is the result; what JSON cannot carry, or is too large, is a permanent failure. */
export function returned(value: unknown, maxResultBytes: number): RunResult {
  if (value === undefined) return { kind: "succeeded", result: null, resultText: null };
  let json: string | undefined;
  try {
    if (deeperThan(value, MAX_DEPTH)) return notJson(`is nested deeper than ${MAX_DEPTH} levels, or in a circle`);
    json = JSON.stringify(value as Json);
  } catch (error) {
    return notJson(`cannot be written as JSON: ${(error as Error).message}`);
  }
  if (json === undefined) return notJson(`is a ${typeof value}, which JSON cannot carry`);
  return sized(json, maxResultBytes);
}

/** A result that is JSON text already, held against the size limit (bytes). */
export function sized(json: string, maxResultBytes: number): RunResult {
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

/** The handler threw `thrown`. A PermanentFailure is known by its name: the handler may have its own copy of the package. */
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

/** Message and the first lines of the stack, with one cause; never throws for an Error. */
export function describeError(thrown: unknown): string {
  if (!(thrown instanceof Error) && !isErrorLike(thrown))
    return shortText(inspect(thrown, { depth: 2 }), ERROR_CHARACTERS);
  const error = thrown as Error;
  const head = `${error.name}: ${error.message}`;
  const frames = String(error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !line.includes("node:internal"))
    .slice(0, STACK_LINES);
  const cause =
    error.cause === undefined
      ? []
      : [`caused by ${isErrorLike(error.cause) ? String(error.cause) : inspect(error.cause, { depth: 1 })}`];
  return shortText([head, ...frames, ...cause].join("\n"), ERROR_CHARACTERS);
}

/** Errors of another realm (a vm, a worker) are no `instanceof Error`. */
function isErrorLike(value: unknown): value is Error {
  return typeof value === "object" && value !== null && typeof (value as Error).message === "string";
}
