import type { z } from "zod";
import type { ProblemCode } from "../../errors";
import * as answers from "./answers";

/** How one route is described, and the ways in which most of them answer. */

export interface Answer {
  description: string;
  /** Left out: no body. */
  schema?: z.ZodType;
  /** Left out: made from the schema. */
  example?: unknown;
  /** `application/json` if left out. */
  type?: string;
  /** What the same status may have with another media type. */
  also?: { type: string; schema: z.ZodType };
  headers?: readonly HeaderName[];
}

export interface Operation {
  id: string;
  tag: string;
  summary: string;
  query?: z.ZodType;
  /** Any parameters: they are the payload. */
  freeQuery?: boolean;
  /** May be held by `?wait=` or `Prefer: wait=`. */
  waits?: boolean;
  headers?: ReadonlyArray<"If-None-Match" | "Last-Event-ID">;
  body?: { schema: z.ZodType; example: unknown; optional?: boolean };
  answers: Record<number, Answer>;
  /** Beside those that every route of its kind may answer. */
  problems?: readonly ProblemCode[];
}

export const HEADERS = {
  Location: "Address of the task",
  ETag: "Changes whenever anything shown of the task changes",
  "Retry-After": "Seconds after which to ask again; present until the task is settled",
  "Idempotency-Replayed": "`true`: the same request had been stored before",
  Link: "The next page (`rel=next`), or all responses (`rel=responses`)",
  "Set-Cookie": "The session's cookie",
} as const;
export type HeaderName = keyof typeof HEADERS;

export const STREAM = "text/event-stream";

export const answer = (description: string, schema: z.ZodType, headers?: readonly HeaderName[]): Answer => ({
  description,
  schema,
  headers,
});
const TASK_HEADERS = ["ETag", "Retry-After", "Link"] as const;
export const task = (description: string, ...more: HeaderName[]) =>
  answer(description, answers.task, [...TASK_HEADERS, ...more]);
export const found = (schema: z.ZodType, description = "Found") => ({ 200: answer(description, schema) });
export const pageOf = (item: z.ZodType) => ({ 200: answer("One page", answers.page(item), ["Link"]) });
export const text = (description: string, type: string, schema: z.ZodType) => ({ 200: { description, type, schema } });
export const stream = text("A stream without an end", STREAM, answers.eventStream);
export const unchanged = { 304: { description: "Nothing has changed", headers: TASK_HEADERS } };
