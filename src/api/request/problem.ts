import type { ProblemCode } from "../../errors";
import { TaskerError } from "../../errors";

/** RFC 9457 problem details. `code` is stable and described in docs/reference/problems.md; `type` leads to its paragraph. */

export const TITLES: Readonly<Record<ProblemCode, string>> = {
  malformed_json: "The request body is not JSON",
  unauthenticated: "An API key is needed",
  forbidden: "Not allowed",
  unknown_task_type: "There is no such task type",
  task_not_found: "There is no such task",
  endpoint_not_found: "There is no such endpoint",
  route_not_found: "There is nothing at this address",
  identifier_conflict: "The identifier was used for another request",
  already_running: "The task type is running already",
  illegal_state: "The task's state does not allow it",
  body_too_large: "The request body is too large",
  unsupported_media_type: "The request body has the wrong media type",
  invalid_request: "The request is not valid",
  rate_limited: "Too many requests",
  internal: "Something went wrong on the server",
  overloaded: "The server has too much to do",
  database_unavailable: "The database cannot be reached",
};

export interface ProblemContext {
  /** Path of the request, without its query: a key may stand there. */
  instance: string;
  requestId: string;
  traceId: string | null;
  basePath: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: ProblemCode;
  errors?: Array<{ pointer: string; detail: string }>;
  request_id: string;
  trace_id?: string;
}

/** Anything thrown, as a TaskerError; what is not one becomes `internal` and tells the outside nothing. */
export function asTaskerError(error: unknown): TaskerError {
  if (error instanceof TaskerError) return error;
  return new TaskerError(
    "internal",
    "The request could not be answered. The server's log says why under this request_id.",
    {
      cause: error,
    },
  );
}

export function problemOf(error: TaskerError, context: ProblemContext): Problem {
  return {
    type: `${context.basePath}/docs/problems#${error.code}`,
    title: TITLES[error.code],
    status: error.status,
    detail: error.message,
    instance: context.instance,
    code: error.code,
    ...(error.errors && error.errors.length > 0 ? { errors: error.errors } : {}),
    request_id: context.requestId,
    ...(context.traceId ? { trace_id: context.traceId } : {}),
  };
}

/** Header pairs that belong to the problem. */
export function problemHeaders(error: TaskerError, basePath: string): string[] {
  const headers: string[] = [];
  const retryAfter = error.retryAfter ?? (error.status === 503 ? 2 : undefined);
  if (retryAfter !== undefined) headers.push("Retry-After", String(Math.max(1, Math.ceil(retryAfter))));
  if (error.code === "unauthenticated") headers.push("WWW-Authenticate", 'Bearer realm="tasker", Basic realm="tasker"');
  if (error.location) {
    const target = basePath + error.location;
    headers.push("Location", target, "Link", `<${target}>; rel="related"`);
  }
  return headers;
}
