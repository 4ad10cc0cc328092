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
function reasonOf(error: unknown): string {
  let inner = error as { message?: string; code?: string; cause?: unknown; errors?: unknown[] } | undefined;
  for (let depth = 0; depth < 5 && inner; depth++) {
    const next = (inner.cause ?? inner.errors?.[0]) as typeof inner;
    if (!next) break;
    inner = next;
  }
  return inner?.message || inner?.code || String(error);
}
