import type { z } from "zod";
import type * as answers from "../../src/api/openapi/answers";
import type * as client from "../../src/client/types";
import type {
  batchBody,
  cancelBody,
  renameBody,
  retryBody,
  startBody,
  submitBody,
} from "../../src/tasks/requests/request";

/** The client's types are written by hand; compiling this holds them against the schemas of the OpenAPI document. */

type Both<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Of the same fields (optional ones, too), each assignable to the other. */
type Same<A, B> = [Both<A, B>, Both<keyof A, keyof B>] extends [true, true] ? true : "differs";
type Takes<Schema, Sent> = Sent extends Schema ? true : "is refused";
type Out<T extends z.ZodType> = z.output<T>;

export type Answers = {
  task: Same<client.Task, Out<typeof answers.task>>;
  response: Same<client.TaskResponse, Out<typeof answers.taskResponse>>;
  detail: Same<client.TaskResponseDetail, Out<typeof answers.taskResponseDetail>>;
  jobs: Same<client.JobsResponse, Out<typeof answers.jobsResponse>>;
  attempt: Same<client.Attempt, Out<typeof answers.attempt>>;
  completeness: Same<client.Completeness, Out<typeof answers.completeness>>;
  cancelOutcome: Same<client.CancelOutcome, Out<typeof answers.cancelOutcome>>;
  type: Same<client.TaskType, Out<typeof answers.taskType>>;
  typeDetail: Same<client.TaskTypeDetail, Out<typeof answers.taskTypeDetail>>;
  endpoint: Same<client.Endpoint, Out<typeof answers.endpoint>>;
  removed: Same<client.EndpointRemoved, Out<typeof answers.endpointRemoved>>;
  renamed: Same<client.EndpointRenamed, Out<typeof answers.endpointRenamed>>;
  manager: Same<client.Manager, Out<typeof answers.manager>>;
  log: Same<client.LogChunk, Out<typeof answers.logChunk>>;
  problem: Takes<client.Problem, Out<typeof answers.problem>>;
  summary: Same<client.TaskSummary, Out<typeof answers.taskSummary>>;
  brief: Same<client.ResponseBrief, Out<typeof answers.responseBrief>>;
  session: Same<client.Session, Out<typeof answers.session>>;
};
export type Requests = {
  task: Takes<z.input<typeof submitBody>, Required<client.TaskRequest>>;
  start: Takes<z.input<typeof startBody>, client.StartRequest>;
  cancel: Takes<z.input<typeof cancelBody>, { endpoints: string[] }>;
  rename: Takes<z.input<typeof renameBody>, { name: string }>;
  retry: Takes<z.input<typeof retryBody>, client.RetryRequest>;
  batch: Takes<z.input<typeof batchBody>, { tasks: client.TaskRequest[] }>;
};
type AllTrue<T extends Record<string, true>> = T;
export type Held = [AllTrue<Answers>, AllTrue<Requests>];
