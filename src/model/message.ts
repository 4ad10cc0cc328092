import { isId } from "./ids";
import type { JsonObject } from "./json/json";
import { elementTexts, memberText } from "./json/raw-json";
import { isName } from "./names";
import { isSigned, signed } from "./signature";

/**
 * What travels through the broker (docs/wire.md): a wake-up for one queue, carrying one task or
 * several that piled up. It decides nothing: the receiver claims each task in the store before it
 * runs anything. A signed message holds the task's row as of the publish, so that a claim
 * need not read it again.
 */
export const MESSAGE_VERSION = 1;

/** The version of a response that nothing has happened to yet. */
export const FIRST_VERSION = 1;

/**
 * Payloads whose JSON is longer (bytes) are left out of the message and read from the store at
 * claim.
 */
export const MAX_INLINE_PAYLOAD = 64 * 1024;

export interface MessageItem {
  id: string;
  /** Which job of the type; null for a type without jobs. */
  job: string | null;
  priority: number;
}

export interface TaskMessage {
  v: typeof MESSAGE_VERSION;
  type: string;
  /**
   * Of a type with `claim: late`, if signed: names with spaces between, of endpoints that may begin
   * before they claim.
   */
  for?: string;
  tasks: MessageTask[];
}

export interface MessageTask extends MessageItem {
  identifier: string;
  /** Absent when it is larger than MAX_INLINE_PAYLOAD. */
  payload?: JsonObject;
  traceparent?: string;
  /**
   * The row at the publish: its version, attempts made, attempts allowed, generation, milliseconds
   * for one attempt.
   */
  version: number;
  attempt: number;
  attempts: number;
  /** Null: the message does not say. */
  generation: number | null;
  timeout_ms: number;
}

/** What a signed message says of a task. */
export interface KnownTask {
  identifier: string;
  /** JSON text, byte for byte as stored. */
  payload: string;
  traceparent: string | null;
  version: number;
  attempt: number;
  attempts: number;
  generation: number;
  timeoutMs: number;
}

/** A task to be published. */
export interface OutgoingTask extends MessageItem, Omit<KnownTask, "payload"> {
  /** JSON text; null: too large to travel. */
  payload: string | null;
}

export class UnreadableMessage extends Error {
  readonly reason: "empty" | "not_json" | "unknown_version" | "invalid" | "no_author" | "foreign";
  constructor(reason: UnreadableMessage["reason"], message: string) {
    super(message);
    this.name = "UnreadableMessage";
    this.reason = reason;
  }
}

/**
 * The JSON text of a message. Each task's payload is given as the JSON text it is stored as (or
 * null to leave it out) and is spliced in as it is: parsing and writing it again would cost more
 * than everything else here.
 *
 * @param key with which the message is signed (signature.ts); null: it is not
 * @param meantFor endpoints that may start before the claim; empty: none
 */
export function encodeMessage(
  type: string,
  tasks: readonly OutgoingTask[],
  key: string | null = null,
  meantFor: readonly string[] = [],
): string {
  const items = tasks.map((task) => {
    const trace = task.traceparent ? `,"traceparent":${JSON.stringify(task.traceparent)}` : "";
    const payload = task.payload === null ? "" : `${PAYLOAD}${task.payload}`;
    const job = task.job === null ? "null" : `"${task.job}"`;
    const row = `"version":${task.version},"attempt":${task.attempt},"attempts":${task.attempts},"generation":${task.generation},"timeout_ms":${task.timeoutMs}`;
    // The payload comes last: `knownTasks` cuts it out of the text.
    return `{"id":"${task.id}","job":${job},"priority":${task.priority},${row},"identifier":${JSON.stringify(task.identifier)}${trace}${payload}}`;
  });
  const names = meantFor.length > 0 && meantFor.length <= MAX_NAMED ? `"for":"${meantFor.join(" ")}",` : "";
  const rest = `"v":${MESSAGE_VERSION},"type":"${type}",${names}"tasks":[${items.join(",")}]}`;
  return key === null ? `{${rest}` : signed(rest, key);
}

const PAYLOAD = ',"payload":';

/**
 * The most names in one message: each endpoint gets all of it. Beyond that everybody claims first.
 */
const MAX_NAMED = 1000;

/** Whether a signed message lets this endpoint begin before it claims. */
export function mayBegin(message: TaskMessage, endpoint: string): boolean {
  return typeof message.for === "string" && ` ${message.for} `.includes(` ${endpoint} `);
}

/**
 * What a message signed with our key says of its tasks, in their order; null for a task whose
 * payload did not travel. Null as a whole: there is no key, or the message is not signed with it,
 * and only the store can be asked.
 */
export function knownTasks(body: string, message: TaskMessage, key: string | null): Array<KnownTask | null> | null {
  if (key === null || !isSigned(body, key)) return null;
  const texts = elementTexts(memberText(body, "tasks")!);
  return message.tasks.map((task, i) => {
    // No string before it can hold this: its quotes would be escaped.
    const at = texts[i]!.indexOf(PAYLOAD);
    if (at === -1) return null;
    const { identifier, traceparent = null, version, attempt, attempts, generation, timeout_ms: timeoutMs } = task;
    if (generation === null) return null;
    const payload = texts[i]!.slice(at + PAYLOAD.length, -1);
    return { identifier, payload, traceparent, version, attempt, attempts, generation, timeoutMs };
  });
}

/** Parses and checks a message; throws UnreadableMessage with the reason it is parked for. */
export function decodeMessage(body: string): TaskMessage {
  if (body.trim() === "") throw new UnreadableMessage("empty", "the message has no body");
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new UnreadableMessage("not_json", `the body is not JSON: ${(error as Error).message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new UnreadableMessage("invalid", "the body is not a JSON object");
  }
  const message = value as Partial<TaskMessage>;
  if (message.v !== MESSAGE_VERSION) {
    throw new UnreadableMessage("unknown_version", `version ${JSON.stringify(message.v)} is not ${MESSAGE_VERSION}`);
  }
  if (!isName(message.type)) throw new UnreadableMessage("invalid", "`type` is not a task type's name");
  if (!Array.isArray(message.tasks) || message.tasks.length === 0) {
    throw new UnreadableMessage("invalid", "`tasks` is not a non-empty array");
  }
  for (const task of message.tasks as Array<Partial<MessageTask> | null>) {
    const jobOk = task?.job === null || task?.job === undefined || isName(task.job);
    if (!task || !isId(task.id) || !jobOk) {
      throw new UnreadableMessage("invalid", "an entry of `tasks` has no valid `id` or `job`");
    }
    task.job ??= null;
    task.priority = typeof task.priority === "number" ? task.priority : 0;
    task.generation = Number.isSafeInteger(task.generation) ? task.generation! : null;
  }
  return message as TaskMessage;
}
