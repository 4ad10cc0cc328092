/**
 * Every refusal and failure that tasker tells a person about.
 *
 * `code` is stable and documented (docs/reference/problems.md); `message` says what happened, where, why and what to do next.
 * The HTTP layer turns a TaskerError into an RFC 9457 problem with `status`; the CLI turns it into an exit code.
 */
export const PROBLEMS = {
  malformed_json: 400,
  unauthenticated: 401,
  forbidden: 403,
  unknown_task_type: 404,
  task_not_found: 404,
  endpoint_not_found: 404,
  route_not_found: 404,
  identifier_conflict: 409,
  already_running: 409,
  illegal_state: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  invalid_request: 422,
  rate_limited: 429,
  internal: 500,
  overloaded: 503,
  database_unavailable: 503,
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One fault in a request: an RFC 6901 pointer as a URI fragment (`#/payload/host`) and a sentence. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export class TaskerError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors?: FieldError[];
  /** Seconds after which a repetition makes sense. */
  readonly retryAfter?: number;
  /** A link worth following (for `already_running`: the task that runs). */
  readonly location?: string;

  constructor(
    code: ProblemCode,
    message: string,
    more: { errors?: FieldError[]; retryAfter?: number; location?: string; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "TaskerError";
    this.code = code;
    this.status = PROBLEMS[code];
    this.errors = more.errors;
    this.retryAfter = more.retryAfter;
    this.location = more.location;
  }
}

/** The config is unusable. `problems` holds one line each: `file:line: key: found … allowed …`. Exit code 9. */
export class ConfigError extends Error {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** The database cannot be reached or did not answer within its deadline. Whatever was asked may be repeated. */
export class StoreUnavailable extends TaskerError {
  constructor(message: string, cause?: unknown) {
    super("database_unavailable", message, { retryAfter: 2, cause });
    this.name = "StoreUnavailable";
  }
}

/** The manager that asks was declared dead, was replaced or has left: it is granted nothing, and has to register anew. */
export class IncarnationLost extends Error {
  constructor(managerId: string) {
    super(
      `The manager ${managerId} is not registered any more: it was declared dead, replaced or closed. It has to register anew.`,
    );
    this.name = "IncarnationLost";
  }
}

/** The name under which a manager registers is reserved, or belongs to a life of the endpoint that is over. Trying again changes nothing. */
export class EndpointEnded extends TaskerError {
  constructor(message: string) {
    super("illegal_state", message);
    this.name = "EndpointEnded";
  }
}

/** The broker did not take a message (closed, blocked, unroutable, no confirm within the deadline). The outbox keeps it. */
export class TransportError extends Error {
  readonly reason: "disconnected" | "blocked" | "unroutable" | "unconfirmed" | "closed" | "refused";
  constructor(reason: TransportError["reason"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TransportError";
    this.reason = reason;
  }
}

/** Thrown by a handler: this attempt failed and no further one will help. */
export class PermanentFailure extends Error {
  readonly reason: string;
  constructor(message: string, reason = "error") {
    super(message);
    this.name = "PermanentFailure";
    this.reason = reason;
  }
}

/** `amqp://user:secret@host/v` → `amqp://user:***@host/v`, wherever it stands in a text. */
export function withoutSecrets(text: string): string {
  // Up to the last @: a password may hold one itself.
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):\S*@/gi, "$1:***@");
}
