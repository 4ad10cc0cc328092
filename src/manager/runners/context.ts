import type { SubmitRequest, TaskContext } from "../../model/handler";
import { INTERNAL, traced } from "../../tracing";
import type { Work } from "./runner";
import { shortText } from "./text";

const MESSAGE_CHARACTERS = 500;

/** Where a context's calls go: straight to the manager's hooks, or through the child's channel. */
export interface ContextCalls {
  signal(): AbortSignal;
  progress(fraction: number, message: string | null): void;
  log(text: string): void;
  submit(type: string, request: SubmitRequest): Promise<{ id: string }>;
}

/** The `context` that a handler is given. The signal is made when first asked for: most handlers never look at it. */
export function createContext(work: Omit<Work, "payload">, calls: ContextCalls): TaskContext {
  return {
    taskId: work.taskId,
    type: work.type,
    identifier: work.identifier,
    endpoint: work.endpoint,
    job: work.job,
    attempt: work.attempt,
    attempts: work.attempts,
    idempotencyKey: work.idempotencyKey,
    traceparent: work.traceparent,
    get signal() {
      return calls.signal();
    },
    progress(fraction, message) {
      const number = Number(fraction);
      if (Number.isNaN(number)) return;
      const text = message === undefined || message === null ? null : shortText(String(message), MESSAGE_CHARACTERS);
      calls.progress(Math.min(1, Math.max(0, number)), text);
    },
    log(line) {
      const text = String(line);
      calls.log(text.endsWith("\n") ? text : `${text}\n`);
    },
    submit: (type, request) => calls.submit(type, request),
  };
}

/**
 * The handler's call as a span: what the handler traces itself stands below it, in its own process, too, where that has an SDK.
 * `call` gets the span's traceparent.
 */
export function handled<T>(
  { type, endpoint, traceparent }: Pick<Work, "type" | "endpoint" | "traceparent">,
  call: (traceparent: string | null) => Promise<T> | T,
): Promise<T> {
  const attributes = { "tasker.type": type, "tasker.endpoint": endpoint };
  return traced(`handle ${type}`, { kind: INTERNAL, traceparent, attributes }, async (span) => call(span.traceparent));
}

/** The reason of a handler's aborted signal: an Error whose message is the word (`timeout`, `cancel`, `drain`, `lease_lost`). */
export function stopReason(cause: string): Error {
  const error = new Error(cause);
  error.name = "AbortError";
  return error;
}
