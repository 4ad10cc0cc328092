import type { Problem } from "./types";

/** The server refused or failed, and said why. `code` is stable (docs/reference/problems.md); `message` is its sentence. */
export class TaskerProblem extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly errors: Array<{ pointer: string; detail: string }>;
  /** Seconds after which a repetition makes sense; null: not said. */
  readonly retryAfter: number | null;
  /** Where to look: for `already_running` and `identifier_conflict` the path of the other task. */
  readonly location: string | null;
  /** The whole answer. */
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
 * No answer came: nobody listens there, the connection broke, or the time was over. Whether the request was carried out is
 * unknown; one with an identifier may be repeated with the same identifier and does no harm.
 */
export class TaskerUnreachable extends Error {
  readonly url: string;
  /** How often it was tried. */
  readonly tries: number;
  /** For `submit`: the identifier to repeat it with. */
  identifier: string | null = null;

  constructor(url: string, tries: number, cause: unknown) {
    const times = tries > 1 ? ` (tried ${tries} times)` : "";
    super(`No answer from ${url}${times}: ${reasonOf(cause)}`, { cause });
    this.name = "TaskerUnreachable";
    this.url = url;
    this.tries = tries;
  }
}

/** fetch says "fetch failed" and hides what happened in its cause; several addresses tried are several causes. */
function reasonOf(error: unknown, depth = 0): string {
  const { message, code, cause, errors } = (error ?? {}) as Error & { code?: string; errors?: unknown[] };
  if (cause && depth < 5) return reasonOf(cause, depth + 1);
  if (Array.isArray(errors) && errors.length > 0 && depth < 5) {
    return errors.map((part) => reasonOf(part, depth + 1)).join("; ");
  }
  return message || code || String(error);
}
