import type { Problem } from "./types";

/** The server refused or failed. `code` is stable (docs/reference/problems.md). */
export class TaskerProblem extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly errors: Array<{ pointer: string; detail: string }>;
  /** Seconds after which to repeat the request; null: unknown. */
  readonly retryAfter: number | null;
  /** For `already_running` and `identifier_conflict`: the path of the other task. */
  readonly location: string | null;
  /** The full answer. */
  readonly problem: Problem;

  constructor(problem: Problem, more: { retryAfter?: number | null; location?: string | null } = {}) {
    const detail = problem.detail ?? problem.title ?? `The server answered ${problem.status}`;
    super(detail);
    this.name = "TaskerProblem";
    this.code = problem.code;
    this.status = problem.status;
    this.detail = detail;
    this.errors = problem.errors ?? [];
    this.retryAfter = more.retryAfter ?? null;
    this.location = more.location ?? null;
    this.problem = problem;
  }
}

/**
 * No answer arrived: no listener, a broken connection, or a timeout. Whether the request
 * was carried out is unknown. A request with an identifier can be repeated safely.
 */
export class TaskerUnreachable extends Error {
  readonly url: string;
  /** Number of tries. */
  readonly tries: number;
  /** For `submit`: the identifier to repeat the call with. */
  identifier: string | null = null;

  constructor(url: string, tries: number, cause: unknown) {
    const times = tries > 1 ? ` (tried ${tries} times)` : "";
    super(`No answer from ${url}${times}: ${reasonOf(cause)}`, { cause });
    this.name = "TaskerUnreachable";
    this.url = url;
    this.tries = tries;
  }
}

/**
 * fetch only says "fetch failed"; its cause, or one cause for each address tried, has the reason.
 */
function reasonOf(error: unknown, depth = 0): string {
  const { message, code, cause, errors } = (error ?? {}) as Error & { code?: string; errors?: unknown[] };
  if (cause && depth < 5) return reasonOf(cause, depth + 1);
  if (Array.isArray(errors) && errors.length > 0 && depth < 5) {
    return errors.map((part) => reasonOf(part, depth + 1)).join("; ");
  }
  return message || code || String(error);
}
