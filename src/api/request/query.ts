import { z } from "zod";
import { isId } from "../../model/ids";
import { NAME } from "../../model/names";
import { RESPONSE_STATUSES } from "../../model/response";
import { TASK_STATUSES } from "../../model/task";
import { normalTime, TIME_EXPECTED } from "../../model/time";
import type { ResponseFilter, TaskFilter } from "../../store/store";
import { checked } from "../../tasks/requests/request";

/**
 * What may stand behind the `?` of a request. Everything arrives as text, is checked here, and
 * leaves typed. `meta` says in the OpenAPI document what the text means.
 */

export type RawQuery = Record<string, string | string[] | undefined>;

export const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 50;

const once = z.string("must be given once");
const name = once.regex(NAME, "must match ^[a-z0-9][a-z0-9._-]{0,62}$");
const oneOrMore = z.union([z.string(), z.array(z.string())]);

/** `?status=failed,running` and `?status=failed&status=running` are the same. */
function statuses<const S extends readonly [string, ...string[]]>(allowed: S) {
  return oneOrMore
    .transform((value) => [value].flat().flatMap((text) => text.split(",")))
    .pipe(z.array(z.enum(allowed, { error: `must be one of ${allowed.join(", ")}` })).min(1))
    .meta({ type: "array", items: { type: "string", enum: allowed } });
}

/** A higher limit is lowered: a client that asks for everything gets pages. */
function limit(most: number, otherwise: number) {
  return once
    .transform((text) => (text.trim() === "" ? Number.NaN : Number(text)))
    .pipe(
      z
        .number({ error: "must be a number" })
        .min(1, "must be at least 1")
        .transform((n) => Math.min(most, Math.floor(n))),
    )
    .default(otherwise)
    .meta({ type: "integer", minimum: 1, description: `More than ${most} is taken as ${most}` });
}

/** A date alone is its midnight in UTC. A `+` that was not escaped has become a space. */
const time = once
  .transform((text, context) => {
    const found = normalTime(text, { day: true });
    if (found !== null) return found;
    const unescaped = normalTime(text.replace(" ", "+")) !== null;
    context.addIssue({ code: "custom", message: unescaped ? "must have its + written as %2B" : TIME_EXPECTED });
    return z.NEVER;
  })
  .meta({ format: "date-time" });

export const taskListQuery = z
  .strictObject({
    type: name.optional(),
    status: statuses(TASK_STATUSES).optional(),
    identifier: once.optional(),
    endpoint: name.optional(),
    endpoint_status: statuses(RESPONSE_STATUSES).optional(),
    created_after: time.optional(),
    created_before: time.optional(),
    after: once.refine(isId, { message: "must be the `next` of the page before" }).optional(),
    limit: limit(MAX_LIMIT, DEFAULT_LIMIT),
    /** `responses`: each task with all its responses, without results and errors. */
    include: z.literal("responses", { error: "must be responses" }).optional(),
  })
  .refine((query) => !query.endpoint_status || query.endpoint, {
    path: ["endpoint_status"],
    message: "needs `endpoint`",
  });

/** Throws TaskerError `invalid_request`. */
export function taskFilter(query: RawQuery): TaskFilter {
  const {
    include: _,
    endpoint_status,
    created_after,
    created_before,
    ...same
  } = checked(taskListQuery, query, "The query");
  return { ...same, endpointStatus: endpoint_status, createdAfter: created_after, createdBefore: created_before };
}

const CURSOR = /^([a-z0-9][a-z0-9._-]{0,62}|\*)\/([a-z0-9][a-z0-9._-]{0,62})?$/;

export const responseListQuery = z.strictObject({
  status: statuses(RESPONSE_STATUSES).optional(),
  after: once.regex(CURSOR, "must be the `next` of the page before").optional(),
  limit: limit(MAX_LIMIT, MAX_LIMIT),
});

export function responseFilter(query: RawQuery): ResponseFilter {
  const found = checked(responseListQuery, query, "The query");
  const [endpoint = "", job = ""] = found.after?.split("/") ?? [];
  return { status: found.status, after: found.after === undefined ? undefined : { endpoint, job }, limit: found.limit };
}

const seconds = once
  .regex(/^\d{1,9}(\.\d+)?s?$/, "must be a number of seconds")
  .transform((text) => Number.parseFloat(text) * 1000)
  .meta({ type: "number", description: "Seconds to hold the answer, at most the server's api.max_wait" });

export const taskQuery = z.strictObject({ wait: seconds.optional() });

export const responseQuery = z.strictObject({ job: name.optional() });

export const logQuery = z.strictObject({
  job: name.optional(),
  after: once
    .regex(/^\d{1,15}$/, "must be the `next` of the page before")
    .transform(Number)
    .optional(),
  limit: limit(1000, 1000),
});

export const eventsQuery = z.strictObject({ type: name.optional(), after: once.max(200).optional() });

export const removeQuery = z.strictObject({
  /** Reports the consequences and changes nothing. */
  dry_run: z
    .enum(["true", "false", "1", "0"], { error: "must be true or false" })
    .default("false")
    .transform((text) => text === "true" || text === "1")
    .meta({ type: "boolean", description: "Change nothing, and say what would be changed" }),
});

export const noQuery = z.strictObject({});
