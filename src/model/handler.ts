import type { Json, JsonObject } from "./json/json";

/** What a handler is given beside the payload (design: handler contract). */
export interface TaskContext {
  readonly taskId: string;
  readonly type: string;
  readonly identifier: string;
  /** The endpoint at which the handler runs. */
  readonly endpoint: string;
  /** The job's name for a type with `jobs`, else null. */
  readonly job: string | null;
  /**
   * The payload as it was sent, as JSON text: numbers in it are exact, where those in `payload` are
   * doubles.
   */
  readonly payloadText: string;
  /** 1 for the first attempt; `attempts` is the most there may be. */
  readonly attempt: number;
  readonly attempts: number;
  /**
   * The same for every attempt of this task + endpoint + job: hand it to whatever must not happen
   * twice.
   */
  readonly idempotencyKey: string;
  /**
   * Aborted on timeout, cancel and drain; `signal.reason` is an Error whose message is one of these
   * words.
   */
  readonly signal: AbortSignal;
  /** W3C trace context of the request, or null. */
  readonly traceparent: string | null;
  /** 0–1; shown while running. Cheap: reports are merged and written a few times a second. */
  progress(fraction: number, message?: string): void;
  /**
   * Writes to the response's log, beside what the process prints: `log("copied")`, `log.warn("disk
   * is %d %% full", 97)`.
   */
  readonly log: TaskLog;
  /** Submit another task. Resolves when it is stored. */
  submit(type: string, request: SubmitRequest): Promise<{ id: string }>;
}

/**
 * The response's log. A single text is written as it is; anything else is put together as
 * `console.log` does it (`%s`, objects, errors with their stack). `warn`, `error` and `debug` write
 * the level before the text, `info` is the same as calling `log`.
 */
export interface TaskLog {
  (...message: unknown[]): void;
  debug(...message: unknown[]): void;
  info(...message: unknown[]): void;
  warn(...message: unknown[]): void;
  error(...message: unknown[]): void;
}

export interface SubmitRequest {
  identifier: string;
  payload?: JsonObject;
  endpoints?: string[];
  delay_until?: string;
  attempts?: number;
  timeout?: string;
  wait_for_endpoints_timeout?: string;
  priority?: number;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is a plain async function
export type HandleTask = (payload: JsonObject, context: TaskContext) => Promise<Json | void> | Json | void;
