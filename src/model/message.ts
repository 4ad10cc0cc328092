import { isId } from "./ids";
import type { JsonObject } from "./json";
import { isName } from "./names";

/**
 * What travels through the broker (docs/wire.md): a wake-up for one queue, carrying one task or several that piled up.
 * It decides nothing: the receiver claims each task in the store before it runs anything.
 */
export const MESSAGE_VERSION = 1;

/** Payloads whose JSON is longer (bytes) are left out of the message and read from the store at claim. */
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
  tasks: MessageTask[];
}

export interface MessageTask extends MessageItem {
  identifier: string;
  /** Absent when it is larger than MAX_INLINE_PAYLOAD. For receivers that cannot read the store; ours takes the store's. */
  payload?: JsonObject;
  traceparent?: string;
}

export class UnreadableMessage extends Error {
  readonly reason: "empty" | "not_json" | "unknown_version" | "invalid";
  constructor(reason: UnreadableMessage["reason"], message: string) {
    super(message);
    this.name = "UnreadableMessage";
    this.reason = reason;
  }
}

/**
 * The JSON text of a message. Each task's payload is given as the JSON text it is stored as (or null to leave it out) and is
 * spliced in as it is: parsing and writing it again would cost more than everything else here.
 */
export function encodeMessage(
  type: string,
  tasks: ReadonlyArray<MessageItem & { identifier: string; payload: string | null; traceparent: string | null }>,
): string {
  const items = tasks.map((task) => {
    const trace = task.traceparent ? `,"traceparent":${JSON.stringify(task.traceparent)}` : "";
    const payload = task.payload === null ? "" : `,"payload":${task.payload}`;
    const job = task.job === null ? "null" : `"${task.job}"`;
    return `{"id":"${task.id}","job":${job},"priority":${task.priority},"identifier":${JSON.stringify(task.identifier)}${trace}${payload}}`;
  });
  return `{"v":${MESSAGE_VERSION},"type":"${type}","tasks":[${items.join(",")}]}`;
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
  }
  return message as TaskMessage;
}
