import { z } from "zod";
import { UnreadableMessage } from "../model/message";
import { isName } from "../model/names";
import type { AttemptEnd, LeaseRef } from "../store/store";

/**
 * What managers send to the recorder (docs/wire.md): reports of what happened, without
 * answers, and calls, each with its answer. JSON, UTF-8; fields are written with underscores and
 * unknown ones are ignored. Ids, leases and times are checked by the store, not here.
 */
export const RECORDER_SCHEMA = 1;

const MAX_NAMES = 200;

const id = z.string().max(64);
const name = z.string().refine(isName, "is not a name");
const key = z.union([name, z.literal("*")]);
const count = z.int().min(0).max(1_000_000_000);
/** Of any length: the store cuts or refuses one alone. A refusal here would hit its neighbours. */
const words = z.string();
const long = z.string().nullable();
const response = z.object({ taskId: id, endpoint: key, job: z.union([name, z.literal("")]) });
const lease = response.extend({ leaseId: id });
const ms = z.number();

const end = lease.extend({
  generation: count,
  attempt: count,
  status: z.enum(["succeeded", "failed", "cancelled", "retrying", "received"]),
  retryInMs: ms.optional(),
  reason: long,
  error: long,
  result: long,
  resultText: long,
  claim: z.object({ managerId: id, performer: name, type: name, ranMs: ms }).optional(),
});

/** Each list may be left out. */
const reports = z.object({
  v: z.literal(RECORDER_SCHEMA),
  log: z.array(response.extend({ attempt: count, text: z.string() })).default([]),
  received: z
    .array(z.object({ endpoint: name, taskId: id, job: z.union([name, z.literal("")]), generation: count.nullish() }))
    .default([]),
  underWay: z.array(lease).default([]),
  progress: z.array(lease.extend({ progress: z.number(), message: z.string().nullable() })).default([]),
  confirm: z.array(lease.extend({ leftMs: ms })).default([]),
  finish: z.array(end).default([]),
});

/** What one message reports, in the order in which it is recorded. */
export type Reports = Omit<z.output<typeof reports>, "v">;

const claim = z.object({
  taskId: id,
  job: z.union([name, z.literal("")]),
  type: name.optional(),
  generation: count.nullish(),
  endpoint: key.optional(),
  /** The row's version in the message; absent: the row is read. */
  version: count.optional(),
  leaseId: id.optional(),
  attempt: count.optional(),
});

const slot = { endpoint: name, host: words, slot: words };
const call = z.discriminatedUnion("call", [
  z.object({ call: z.literal("message_key"), endpoint: name }),
  z.object({ call: z.literal("predecessors"), ...slot }),
  z.object({
    ...{ call: z.literal("register"), ...slot, id, version: words, pid: count, ttlMs: ms },
    labels: z.record(z.string(), z.json()),
    types: z.array(name).max(10_000),
    spare: z.array(id).optional(),
    former: z.object({ id, cutOff: z.boolean() }).optional(),
  }),
  z.object({ call: z.literal("open_deliveries"), endpoint: name }),
  z.object({
    ...{ call: z.literal("heartbeat"), endpoint: name, managerId: id },
    ...{ running: count, draining: z.boolean() },
  }),
  z.object({ call: z.literal("leave"), endpoint: name, managerId: id }),
  z.object({ call: z.literal("claim"), endpoint: name, managerId: id, claims: z.array(claim).max(1000) }),
  z.object({ call: z.literal("check"), endpoint: name, leases: z.array(lease).max(10_000) }),
  z.object({
    ...{ call: z.literal("request"), endpoint: name, id, type: name },
    ...{ identifier: words, body: z.string() },
  }),
]);
const calls = z.object({ v: z.literal(RECORDER_SCHEMA), calls: z.array(call).max(1000) });

export type RecorderCall = z.output<typeof call>;
export type CallNamed<Name extends RecorderCall["call"]> = Extract<RecorderCall, { call: Name }>;

/** How a call ended. */
export type Answer = { ok: unknown } | { error: { code: AnswerCode; message: string } };
/** `unavailable`: it may be repeated. */
export type AnswerCode = "unavailable" | "incarnation_lost" | "endpoint_ended" | "refused";

export function encodeReports(lists: Partial<Reports>): string {
  return encode(lists);
}

export function encodeCalls(list: readonly RecorderCall[]): string {
  return encode({ calls: list });
}

export function encodeAnswers(answers: readonly Answer[]): string {
  return encode({ answers });
}

/** Throws UnreadableMessage. */
export function decodeReports(body: string): Reports {
  return decode(body, reports);
}

/** Throws UnreadableMessage. */
export function decodeCalls(body: string): RecorderCall[] {
  return decode(body, calls).calls;
}

/** The reply to a message that was parked. */
export function encodeRefusal(message: string): string {
  return encode({ refused: message });
}

/** Throws UnreadableMessage, or an Error that says why the message was parked. */
export function decodeAnswers(body: string): Answer[] {
  const { answers, refused } = parse(body) as { answers?: Answer[]; refused?: string };
  if (refused !== undefined) throw new Error(`The recorder refuses what this manager asks: ${refused}.`);
  if (!Array.isArray(answers)) throw new UnreadableMessage("invalid", "the reply has no `answers`");
  return answers;
}

function encode(value: object): string {
  return JSON.stringify(renamed({ v: RECORDER_SCHEMA, ...value }, underscored));
}

function decode<T>(body: string, schema: z.ZodType<T>): T {
  const { success, data, error } = schema.safeParse(parse(body));
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new UnreadableMessage("invalid", `${path.map((part) => underscored(String(part))).join(".")}: ${message}`);
}

function parse(body: string): unknown {
  try {
    return renamed(JSON.parse(body), camelled);
  } catch (error) {
    throw new UnreadableMessage("not_json", `the body is not JSON: ${(error as Error).message}`);
  }
}

/** The same value with other names of fields. Labels are the user's own. */
function renamed(value: unknown, rename: (field: string) => string): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, rename));
  if (value === null || typeof value !== "object") return value;
  const result: Record<string, unknown> = {};
  for (const [field, one] of Object.entries(value))
    result[rename(field)] = field === "labels" ? one : renamed(one, rename);
  return result;
}

const underscored = remembered((field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
const camelled = remembered((field) => field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));

/** The same few names come in every message. Foreign ones are not remembered without end. */
function remembered(rename: (field: string) => string): (field: string) => string {
  const names = new Map<string, string>();
  return (field) => {
    const known = names.get(field);
    if (known !== undefined) return known;
    const name = rename(field);
    if (names.size < MAX_NAMES) names.set(field, name);
    return name;
  };
}

/** Whose words these are: the endpoint that performs it, if the row's key names one. */
export function speakerOf(report: LeaseRef | AttemptEnd): string | null {
  const { endpoint } = report;
  if (endpoint !== "*") return endpoint;
  return "claim" in report && report.claim ? report.claim.performer : null;
}
