import type { ProblemCode } from "../../errors";
import { TaskerError } from "../../errors";
import { PROBLEM_TEXTS } from "../problem-texts";

export interface ProblemContext {
  /** Path of the request, without its query: a key may stand there. */
  instance: string;
  requestId: string;
  traceId: string | null;
  basePath: string;
}

/** RFC 9457 problem details. `code` is stable, `type` leads to its description. */
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

/** Anything thrown, as a TaskerError; what is not one becomes `internal`, without its message. */
export function asTaskerError(error: unknown): TaskerError {
  if (error instanceof TaskerError) return error;
  const message = "The request could not be answered. The server's log says why under this request_id.";
  return new TaskerError("internal", message, { cause: error });
}

export function problemOf(error: TaskerError, context: ProblemContext): Problem {
  return {
    type: `${context.basePath}/docs/problems#${error.code}`,
    title: PROBLEM_TEXTS[error.code].title,
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
