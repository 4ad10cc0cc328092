import { describeError } from "../../../describe-error";
import { InvalidPayload } from "../command/template";
import { failure } from "../outcome";
import type { RunResult } from "../runner";
import { cleanText, shortText } from "../text";
import { HostRefused } from "./http-connect";
import { BadRedirect, type Followed, TooManyRedirects } from "./http-follow";
import { retryAfterMs } from "./http-headers";
import type { HttpRequest } from "./http-request";
import { UnreadableAnswer } from "./http-send";

/** Methods that may be sent twice without doing anything twice (RFC 9110, 9.2.2). */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** What an answer means: success by its status, or a failure that keeps it. */
export function judged(
  successStatuses: readonly number[],
  { request, status, rawHeaders, answer }: Followed,
): RunResult {
  const success = successStatuses.length === 0 ? status >= 200 && status < 300 : successStatuses.includes(status);
  if (success) return { kind: "succeeded", result: answer.json, resultText: null };
  const start = answer.start === "" ? "" : ` Its answer begins: ${shortText(answer.start, 300)}`;
  const { origin, pathname } = request.url;
  const error = cleanText(`${request.method} ${origin}${pathname} answered ${status}.${start}`);
  const wait = retryAfterMs(rawHeaders);
  return failure("http_status", error, { result: answer.json, ...(wait === null ? {} : { retryAfterMs: wait }) });
}

/**
 * Why there is no answer. `first`: what was asked for before any redirect. A target that has
 * answered what cannot be understood may have done its work: only what may be done twice is
 * attempted again.
 */
export function failureOf(error: unknown, first: HttpRequest | null): RunResult {
  if (error instanceof InvalidPayload) return failure("invalid_payload", error.message, { permanent: true });
  if (error instanceof HostRefused) return failure("host_refused", error.message, { permanent: true });
  if (error instanceof TooManyRedirects) return failure("too_many_redirects", error.message);
  if (error instanceof UnreadableAnswer || error instanceof BadRedirect) {
    const permanent = first !== null && !REPEATABLE.has(first.method);
    const then = permanent ? ` It is not attempted again: a ${first.method} may have done its work already.` : "";
    const reason = error instanceof BadRedirect ? "bad_redirect" : "invalid_answer";
    return failure(reason, error.message + then, { permanent });
  }
  return failure("connection_failed", `The HTTP call failed: ${describeError(error, "sentence")}`);
}
