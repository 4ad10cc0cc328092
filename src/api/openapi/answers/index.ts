import { z } from "zod";
import { PROBLEMS, type ProblemCode } from "../../../errors";
import * as catalogue from "./catalogue";
import * as system from "./system";
import * as tasks from "./tasks";

export * from "./catalogue";
export * from "./system";
export * from "./tasks";

/**
 * What the API answers, as schemas. The OpenAPI document is made from them, its examples too
 * (example.ts), and every answer in the tests is checked against them. At run time nothing is
 * validated with them. Fields may be added: clients ignore what they do not know.
 */

export const problem = z
  .object({
    type: z.string().meta({ description: "Address of the code's description" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: "Each fault of the request, by JSON pointer" }),
    request_id: z.string(),
    trace_id: z.string().optional(),
  })
  .meta({ description: "RFC 9457" });

export const batchAnswer = z.object({
  results: z.array(
    z.union([
      z.object({ status: z.literal(202), replayed: z.boolean().optional(), task: tasks.task }),
      z.object({ status: z.int(), problem }),
    ]),
  ),
});

/** Any list. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "Goes back as `after`; null: the last page" }),
  });
}

const all = { ...tasks, ...catalogue, ...system, problem, batchAnswer };
const WITH_NAME = [
  ...["task", "taskSummary", "taskResponse", "responseBrief", "taskResponseDetail", "jobsResponse"],
  ...["attempt", "completeness", "cancelOutcome", "logChunk"],
  ...["taskType", "taskTypeDetail", "openCounts", "endpoint", "manager", "endpointRemoved", "endpointRenamed"],
  ...["session", "system", "health", "problem", "batchAnswer"],
] as Array<keyof typeof all>;

/** Those with a name of their own in the document: `taskResponse` is `TaskResponse` there. */
export const NAMED: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  WITH_NAME.map((name) => [name[0]!.toUpperCase() + name.slice(1), all[name] as z.ZodType]),
);
