/**
 * The errors that tasker reports to people. `code` is stable (docs/reference/problems.md);
 * `message` says what happened, where, why and what to do next. The API answers a TaskerError as an
 * RFC 9457 problem; the command line ends with an exit code.
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

/**
 * One fault in a request: an RFC 6901 pointer as a URI fragment (`#/payload/host`) and a sentence.
 */
export interface FieldError {
  pointer: string;
  detail: string;
}

export class TaskerError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors?: FieldError[];
  /** Seconds after which to repeat the request. */
  readonly retryAfter?: number;
  /** A related address (for `already_running`: the task that runs). */
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

/** The config is not valid. Each problem is a line `file:line: key: found … allowed …`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
  }
}

/**
 * The database cannot be reached or did not answer within its deadline. The call may be repeated.
 */
export class StoreUnavailable extends TaskerError {
  constructor(message: string, cause?: unknown) {
    super("database_unavailable", message, { retryAfter: 2, cause });
    this.name = "StoreUnavailable";
  }
}

/** The calling manager was declared dead, was replaced or has left. It has to register again. */
export class IncarnationLost extends Error {
  override readonly name = "IncarnationLost";
  constructor(managerId: string) {
    super(
      `The manager ${managerId} is not registered any more: it was declared dead, replaced or closed. It has to register again.`,
    );
  }
}

/** The name is reserved, or the endpoint was removed. Trying again does not help. */
export class EndpointEnded extends TaskerError {
  constructor(message: string) {
    super("illegal_state", message);
    this.name = "EndpointEnded";
  }
}

/** The broker did not accept a message. It stays in the outbox. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  constructor(
    readonly reason: "disconnected" | "blocked" | "unroutable" | "unconfirmed" | "closed" | "refused",
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** Thrown by a handler: the attempt failed, and no other is to follow. */
export class PermanentFailure extends Error {
  override readonly name = "PermanentFailure";
  constructor(
    message: string,
    readonly reason = "error",
  ) {
    super(message);
  }
}

/** `amqp://user:secret@host/v` → `amqp://user:***@host/v`, anywhere in a text. */
export function withoutSecrets(text: string): string {
  // Up to the last @, since a password may contain one.
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):\S*@/gi, "$1:***@");
}
