import { z } from "zod";
import type { FieldError } from "../../errors";
import { TaskerError } from "../../errors";
import { parseDuration } from "../../model/duration";
import type { JsonObject } from "../../model/json/json";
import { deeperThan, MAX_DEPTH } from "../../model/json/json";
import { NAME } from "../../model/names";
import { RESPONSE_STATUSES } from "../../model/response";
import { parseTime, TIME_EXPECTED } from "../../model/time";

/** The request bodies. These schemas validate them and describe them in the OpenAPI document. */

const MAX_DURATION_MS = 366 * 86_400_000;
const MAX_ENDPOINTS = 10_000;

const duration = z
  .string()
  .refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== null && ms > 0 && ms <= MAX_DURATION_MS;
    },
    { message: "must be a duration such as 500ms, 30s, 10m, 2h or 7d, more than 0 and at most 366d" },
  )
  .meta({ description: "A duration: 500ms, 30s, 10m, 2h, 7d", example: "30s" });

const name = z.string().regex(NAME, "must match ^[a-z0-9][a-z0-9._-]{0,62}$");

/** Some programs end a text at NUL, where two identifiers would look the same. */
const isPlain = (text: string) => text.isWellFormed() && !text.includes("\0");

const identifier = z
  .string()
  .refine((text) => text.length > 0 && text.length <= 380 && [...text].length <= 190 && isPlain(text), {
    message: "must be a string of 1 to 190 characters, none of them NUL",
  })
  .meta({ description: "The customer's own name for the request; makes it repeatable", minLength: 1, maxLength: 190 });

// Not z.record: it makes a copy, and drops a key named __proto__.
const payload = z
  .custom<JsonObject>((value) => value !== null && typeof value === "object" && !Array.isArray(value), {
    message: "must be a JSON object",
  })
  .refine((value) => !deeperThan(value, MAX_DEPTH), { message: `must not nest deeper than ${MAX_DEPTH} levels` })
  .meta({ type: "object", description: "Any JSON object; stored and delivered as it was sent" });

const endpoints = z
  .array(name)
  .min(1, "must name at least one endpoint; leave it out for all of them")
  .max(MAX_ENDPOINTS, `must name at most ${MAX_ENDPOINTS} endpoints`)
  .refine((names) => new Set(names).size === names.length, { message: "must name each endpoint once" });

const time = z
  .string()
  .refine((text) => parseTime(text) !== null, { message: TIME_EXPECTED })
  .meta({ format: "date-time" });

const policy = {
  delay_until: time.nullable().optional(),
  attempts: z.int().min(1).max(1000).optional(),
  timeout: duration.optional(),
  wait_for_endpoints_timeout: duration.optional(),
  priority: z.int().min(0).max(9).optional(),
};

export const submitBody = z
  .strictObject({ identifier, payload: payload.optional(), endpoints: endpoints.optional(), ...policy })
  .meta({ id: "TaskRequest" });

export const startBody = z.strictObject({ payload: payload.optional(), ...policy }).meta({ id: "StartRequest" });

export const batchBody = z
  .strictObject({ tasks: z.array(z.unknown()).min(1).max(1000, "must hold at most 1000 tasks") })
  .meta({ id: "BatchRequest" });

export const retryBody = z
  .strictObject({
    endpoints: endpoints.optional(),
    statuses: z
      .array(z.enum(RESPONSE_STATUSES))
      .min(1)
      .refine((all) => all.every((status) => !["received", "running", "retrying"].includes(status)), {
        message: "may hold failed, missed, expected, cancelled and succeeded: what is under way cannot be retried",
      })
      .optional(),
  })
  .meta({ id: "RetryRequest" });

export const renameBody = z.strictObject({ name }).meta({ id: "RenameRequest" });

export const cancelBody = z.strictObject({ endpoints: endpoints.optional() }).meta({ id: "CancelRequest" });

export type SubmitBody = z.infer<typeof submitBody>;
export type StartBody = z.infer<typeof startBody>;
export type RetryBody = z.infer<typeof retryBody>;

/** Returns the checked body; throws TaskerError `invalid_request` with a pointer for each fault. */
export function checked<T>(schema: z.ZodType<T>, body: unknown, what: string, at = "#"): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => faultsOf(issue, at));
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  throw new TaskerError("invalid_request", `${what} is not valid: ${errors[0]!.pointer} ${errors[0]!.detail}${more}`, {
    errors: errors.slice(0, 50),
  });
}

function faultsOf(issue: z.core.$ZodIssue, at: string): FieldError[] {
  const pointer = at + issue.path.map((step) => `/${pointerStep(String(step))}`).join("");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ pointer: `${pointer}/${pointerStep(key)}`, detail: "is not a known field" }));
  }
  if (issue.code === "invalid_type" && /received undefined/.test(issue.message)) {
    return [{ pointer, detail: "is required" }];
  }
  return [{ pointer, detail: issue.message.replace(/^Invalid input: /, "") }];
}

/** One step of a JSON pointer in a URI fragment (RFC 6901 §6). */
export function pointerStep(key: string): string {
  return encodeURIComponent(key.toWellFormed().replace(/~/g, "~0").replace(/\//g, "~1"));
}
