import { format } from "node:util";
import type { SubmitRequest, TaskContext, TaskLog } from "../../../model/handler";
import { jsonOf } from "../../../model/json/json";
import type { Grant } from "../../../store/store";
import { INTERNAL, isRecorded, traced } from "../../../tracing";
import { idempotencyKeyOf } from "../runner";
import { shortText } from "../text";

const MESSAGE_CHARACTERS = 500;

/** What a handler knows of its attempt. */
export type HandlerFacts = Omit<TaskContext, "signal" | "progress" | "log" | "submit">;

export function factsOf(grant: Grant): HandlerFacts {
  return {
    taskId: grant.taskId,
    type: grant.type,
    identifier: grant.identifier,
    endpoint: grant.performer,
    job: grant.job || null,
    payloadText: grant.payload,
    attempt: grant.attempt,
    attempts: grant.attempts,
    idempotencyKey: idempotencyKeyOf(grant),
    traceparent: grant.traceparent,
  };
}

/** Where a context's calls go: straight to the manager's hooks, or through the child's channel. */
export interface ContextCalls {
  signal(): AbortSignal;
  progress(fraction: number, message: string | null): void;
  log(text: string): void;
  submit(type: string, request: SubmitRequest): Promise<{ id: string }>;
}

/**
 * The `context` that a handler is given: it may be copied, and its functions taken off it. The
 * signal is made when first asked for: most handlers never look at it. All contexts share its
 * getter: of an object with a getter of its own V8 makes a table, which then lives until the next
 * full collection, and with it all that the getter knows.
 */
export class HandlerContext implements TaskContext {
  readonly taskId: string;
  readonly type: string;
  readonly identifier: string;
  readonly endpoint: string;
  readonly job: string | null;
  readonly payloadText: string;
  readonly attempt: number;
  readonly attempts: number;
  readonly idempotencyKey: string;
  readonly progress: TaskContext["progress"];
  readonly log: TaskContext["log"];
  readonly submit: TaskContext["submit"];
  declare readonly signal: AbortSignal;
  readonly #calls: ContextCalls;
  static readonly #signal = {
    enumerable: true,
    get(this: HandlerContext): AbortSignal {
      return this.#calls.signal();
    },
  };

  constructor(
    facts: HandlerFacts,
    readonly traceparent: string | null,
    calls: ContextCalls,
  ) {
    this.taskId = facts.taskId;
    this.type = facts.type;
    this.identifier = facts.identifier;
    this.endpoint = facts.endpoint;
    this.job = facts.job;
    this.payloadText = facts.payloadText;
    this.attempt = facts.attempt;
    this.attempts = facts.attempts;
    this.idempotencyKey = facts.idempotencyKey;
    this.progress = (fraction, message) => {
      const number = Number(fraction);
      if (Number.isNaN(number)) return;
      const text = message === undefined || message === null ? null : shortText(String(message), MESSAGE_CHARACTERS);
      calls.progress(Math.min(1, Math.max(0, number)), text);
    };
    this.log = logOf(calls);
    this.submit = async (type, request) => {
      checkRequest(request);
      return calls.submit(type, request);
    };
    this.#calls = calls;
    Object.defineProperty(this, "signal", HandlerContext.#signal);
  }
}

/** What JSON cannot carry would become something else on its way. */
function checkRequest(request: SubmitRequest): void {
  try {
    jsonOf(request);
  } catch (error) {
    throw new TypeError(`context.submit: the request ${(error as Error).message}.`);
  }
}

function logOf(calls: ContextCalls): TaskLog {
  const at =
    (level: string) =>
    (...message: unknown[]): void => {
      const [first] = message;
      const text = message.length === 1 && typeof first === "string" ? first : format(...message);
      calls.log(text.endsWith("\n") ? level + text : `${level}${text}\n`);
    };
  return Object.assign(at(""), { debug: at("debug: "), info: at(""), warn: at("warn: "), error: at("error: ") });
}

/**
 * The handler's call as a span: what the handler traces itself stands below it, in its own process,
 * too, where that has an SDK. `call` gets the span's traceparent.
 */
export function handled<T>(
  { type, endpoint, traceparent }: HandlerFacts,
  call: (traceparent: string | null) => Promise<T> | T,
): Promise<T> | T {
  if (!isRecorded()) return call(traceparent);
  const attributes = { "tasker.type": type, "tasker.endpoint": endpoint };
  return traced(`handle ${type}`, { kind: INTERNAL, traceparent, attributes }, async (span) => call(span.traceparent));
}

/**
 * The reason of a handler's aborted signal: an Error whose message is the word (`timeout`,
 * `cancel`, `drain`, `lease_lost`).
 */
export function stopReason(cause: string): Error {
  const error = new Error(cause);
  error.name = "AbortError";
  return error;
}
