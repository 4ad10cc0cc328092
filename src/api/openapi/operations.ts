import { z } from "zod";
import type { ProblemCode } from "../../errors";
import { batchBody, cancelBody, renameBody, retryBody, startBody, submitBody } from "../../tasks/requests/request";
import type { RouteId } from "../access/permissions";
import * as query from "../request/query";
import * as answers from "./answers";
import * as examples from "./examples";

export interface Answer {
  description: string;
  /** Left out: no body. */
  schema?: z.ZodType;
  example?: unknown;
  /** `application/json` if left out. */
  type?: string;
  /** Other media types that the same status may have. */
  also?: Record<string, unknown>;
  headers?: readonly HeaderName[];
}

export interface Operation {
  id: string;
  tag: "tasks" | "responses" | "single run" | "catalogue" | "events" | "system" | "session";
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

const TASK_HEADERS = ["ETag", "Retry-After", "Link"] as const;
const STREAM = "text/event-stream";
const TEXT = "text/plain";

const task = (description: string, more: readonly HeaderName[] = []): Answer => ({
  description,
  schema: answers.task,
  example: examples.task,
  headers: [...TASK_HEADERS, ...more],
});
const read = (schema: z.ZodType, example: unknown, description = "Found"): Record<number, Answer> => ({
  200: { description, schema, example },
});
const pageOf = (item: z.ZodType, example: unknown): Record<number, Answer> => ({
  200: { description: "One page", schema: answers.page(item), example, headers: ["Link"] },
});
const stream: Record<number, Answer> = {
  200: {
    description: "A stream that does not end by itself",
    type: STREAM,
    schema: z.string(),
    example: examples.events,
  },
};
const unchanged: Record<number, Answer> = { 304: { description: "Nothing has changed", headers: TASK_HEADERS } };
const { type: _type, ...ofOneType } = query.taskListQuery.shape;
const typed = z.strictObject(ofOneType);
const sessionBody = z.strictObject({ key: z.string() });

const cancelAnswers = {
  200: { description: "Nothing was left to do", schema: answers.cancelled, example: examples.cancelled },
  202: { description: "It happens, or has happened now", schema: answers.cancelled, example: examples.cancelled },
};
const stopAnswers = {
  200: { description: "None was running", schema: answers.stopped, example: examples.nothingToStop },
  202: { description: "It is being stopped", schema: answers.stopped, example: examples.cancelled },
};
const startAnswers = { 202: task("The run, stored", ["Location", "Idempotency-Replayed"]) };

/** Every route of permissions.ts as the document tells it. */
export const OPERATIONS: Readonly<Record<RouteId, Operation>> = {
  "POST /:taskType": {
    id: "createTask",
    tag: "tasks",
    summary:
      "Store a task and offer it to every expected endpoint; sent again with the same identifier it is the same task",
    waits: true,
    body: { schema: submitBody, example: examples.taskRequest },
    answers: {
      200: task("With wait: the task is settled", ["Location", "Idempotency-Replayed"]),
      202: task("Stored", ["Location", "Idempotency-Replayed"]),
    },
    problems: ["identifier_conflict", "already_running", "overloaded"],
  },
  "POST /:taskType/batch": {
    id: "createTasks",
    tag: "tasks",
    summary: "Up to 1000 tasks at once; each stands or falls alone",
    body: { schema: batchBody, example: examples.batchRequest },
    answers: read(answers.batchAnswer, examples.batchAnswer, "A result for each, in their order"),
    problems: ["overloaded"],
  },
  "GET /:taskType/:id": {
    id: "readTask",
    tag: "tasks",
    summary: "A task with its responses, at once, or when it is settled or has changed",
    waits: true,
    headers: ["If-None-Match"],
    answers: { 200: task("The task"), ...unchanged },
  },
  "GET /:taskType": {
    id: "listTasksOfType",
    tag: "tasks",
    summary: "Tasks of one type, newest first",
    query: typed,
    answers: pageOf(answers.taskSummary, examples.tasks),
  },
  "GET /tasks": {
    id: "listTasks",
    tag: "tasks",
    summary: "Tasks of all types that the key may see, newest first",
    query: query.taskListQuery,
    answers: pageOf(answers.taskSummary, examples.tasks),
    problems: ["unknown_task_type"],
  },
  "POST /:taskType/:id/cancel": {
    id: "cancelTask",
    tag: "tasks",
    summary: "What waits never starts, what runs is told to stop, then killed; everywhere or at some endpoints",
    waits: true,
    body: { schema: cancelBody, example: examples.cancelRequest, optional: true },
    answers: cancelAnswers,
    problems: ["endpoint_not_found", "illegal_state"],
  },
  "POST /:taskType/:id/retry": {
    id: "retryTask",
    tag: "tasks",
    summary: "Open failed, missed or missing responses again, inside the same task",
    body: { schema: retryBody, example: examples.retryRequest, optional: true },
    answers: {
      200: {
        description: "None was to be retried",
        schema: answers.retried,
        example: { ...examples.retried, reopened: [] },
      },
      202: { description: "These are opened again", schema: answers.retried, example: examples.retried },
    },
    problems: ["endpoint_not_found", "already_running", "illegal_state", "overloaded"],
  },
  "GET /:taskType/:id/responses": {
    id: "listResponses",
    tag: "responses",
    summary: "All responses, in the order of the endpoints' names",
    query: query.responseListQuery,
    answers: pageOf(answers.taskResponse, examples.responses),
  },
  "GET /:taskType/:id/responses/:endpoint": {
    id: "readResponse",
    tag: "responses",
    summary: "One response with its whole result and the history of its attempts",
    query: query.responseQuery,
    answers: read(answers.responseReading, examples.responseDetail),
    problems: ["endpoint_not_found"],
  },
  "GET /:taskType/:id/responses/:endpoint/log": {
    id: "readLog",
    tag: "responses",
    summary: "What the handler logged; with Accept: text/event-stream as it comes",
    query: query.logQuery,
    headers: ["Last-Event-ID"],
    answers: {
      200: {
        description: "One page, or a stream of `log` events with `end` at last",
        schema: answers.page(answers.logChunk),
        example: examples.log,
        headers: ["Link"],
        also: { [STREAM]: { schema: { type: "string" }, example: examples.logStream } },
      },
    },
    problems: ["endpoint_not_found", "overloaded"],
  },
  "POST /:taskType/start": {
    id: "startRun",
    tag: "single run",
    summary: "Start a run of a single_run type; the identifier is made by the server",
    body: { schema: startBody, example: examples.startRequest, optional: true },
    answers: startAnswers,
    problems: ["already_running", "identifier_conflict", "overloaded", "route_not_found"],
  },
  "GET /:taskType/start": {
    id: "startRunByGet",
    tag: "single run",
    summary: "As POST, for types with legacy_get; the parameters are the payload",
    freeQuery: true,
    answers: startAnswers,
    problems: ["already_running", "identifier_conflict", "overloaded", "route_not_found", "invalid_request"],
  },
  "GET /:taskType/status": {
    id: "readRun",
    tag: "single run",
    summary: "The current or last run of a single_run type",
    headers: ["If-None-Match"],
    answers: { 200: task("The run"), ...unchanged },
    problems: ["task_not_found", "route_not_found"],
  },
  "POST /:taskType/stop": {
    id: "stopRun",
    tag: "single run",
    summary: "Cancel the run of a single_run type",
    waits: true,
    body: { schema: z.strictObject({}), example: {}, optional: true },
    answers: stopAnswers,
    problems: ["route_not_found"],
  },
  "GET /:taskType/stop": {
    id: "stopRunByGet",
    tag: "single run",
    summary: "As POST, for types with legacy_get",
    freeQuery: true,
    answers: stopAnswers,
    problems: ["route_not_found"],
  },
  "GET /types": {
    id: "listTypes",
    tag: "catalogue",
    summary: "The task types that the key may touch",
    answers: pageOf(answers.taskType, examples.types),
    problems: ["invalid_request"],
  },
  "GET /types/:taskType": {
    id: "readType",
    tag: "catalogue",
    summary: "One type, who is registered for it, and what is open",
    answers: read(answers.taskTypeDetail, examples.typeDetail),
    problems: ["invalid_request"],
  },
  "GET /endpoints": {
    id: "listEndpoints",
    tag: "catalogue",
    summary: "Every endpoint with its managers",
    answers: pageOf(answers.endpoint, examples.endpoints),
    problems: ["invalid_request"],
  },
  "GET /endpoints/:name": {
    id: "readEndpoint",
    tag: "catalogue",
    summary: "One endpoint with its managers",
    answers: read(answers.endpoint, examples.endpoint),
    problems: ["endpoint_not_found", "invalid_request"],
  },
  "DELETE /endpoints/:name": {
    id: "removeEndpoint",
    tag: "catalogue",
    summary: "End an endpoint's life: nothing is expected of it any more, and what it owes is final",
    query: query.removeQuery,
    body: { schema: z.strictObject({}), example: {}, optional: true },
    answers: {
      200: {
        description: "A dry run, or nothing was left to do",
        schema: answers.endpointRemoved,
        example: { ...examples.endpointRemoved, dry_run: true, queues: null, broker_user: null },
      },
      202: { description: "It is removed", schema: answers.endpointRemoved, example: examples.endpointRemoved },
    },
    problems: ["endpoint_not_found"],
  },
  "POST /endpoints/:name/rename": {
    id: "renameEndpoint",
    tag: "catalogue",
    summary: "An endpoint goes on under another name, with what it owes; not while it is at work",
    body: { schema: renameBody, example: examples.renameRequest },
    answers: {
      202: {
        description: "It has the new name",
        schema: answers.endpointRenamed,
        example: examples.endpointRenamed,
        headers: ["Location"],
      },
    },
    problems: ["endpoint_not_found", "illegal_state"],
  },
  "GET /events": {
    id: "followEvents",
    tag: "events",
    summary: "`response.updated` for every change of a response that the key may see",
    query: query.eventsQuery,
    headers: ["Last-Event-ID"],
    answers: stream,
    problems: ["overloaded"],
  },
  "GET /:taskType/:id/events": {
    id: "followTask",
    tag: "events",
    summary: "`task.updated` with the whole task, at first and after changes, and `response.updated`",
    query: query.eventsQuery,
    headers: ["Last-Event-ID"],
    answers: stream,
    problems: ["overloaded"],
  },
  "GET /livez": {
    id: "livez",
    tag: "system",
    summary: "The process answers",
    answers: read(answers.alive, { status: "alive" }, "It does"),
  },
  "GET /readyz": {
    id: "readyz",
    tag: "system",
    summary: "Whether work can be taken; the checks say why not",
    answers: {
      200: { description: "It can", schema: answers.health, example: examples.health },
      503: {
        description: "It cannot",
        schema: answers.health,
        example: {
          status: "not_ready",
          ready: false,
          checks: { database: { ok: false, detail: "connect ECONNREFUSED" } },
        },
      },
    },
  },
  "GET /metrics": {
    id: "metrics",
    tag: "system",
    summary: "Prometheus text",
    answers: { 200: { description: "All series", type: TEXT, schema: z.string(), example: examples.metrics } },
  },
  "GET /system": {
    id: "system",
    tag: "system",
    summary: "Version and config, secrets hidden",
    answers: read(answers.system, examples.system),
    problems: ["invalid_request"],
  },
  "GET /openapi.json": {
    id: "openapi",
    tag: "system",
    summary: "This document",
    answers: {
      200: {
        description: "OpenAPI 3.1",
        schema: z.looseObject({ openapi: z.string() }),
        example: { openapi: "3.1.0" },
      },
    },
  },
  "GET /docs": {
    id: "docs",
    tag: "system",
    summary: "This document for people",
    answers: { 200: { description: "A page", type: "text/html", schema: z.string() } },
  },
  "GET /docs/problems": {
    id: "docsProblems",
    tag: "system",
    summary: "Every problem code: when it comes and what to do",
    answers: { 200: { description: "A page", type: "text/html", schema: z.string() } },
  },
  "GET /session": {
    id: "readSession",
    tag: "session",
    summary: "Who asks, and what they may do",
    answers: read(answers.session, examples.session),
  },
  "POST /session": {
    id: "beginSession",
    tag: "session",
    summary: "Log in with a key: a cookie, and the token that changes must show as X-CSRF-Token",
    body: { schema: sessionBody, example: { key: "tsk_…" } },
    answers: {
      200: { description: "Logged in", schema: answers.session, example: examples.session, headers: ["Set-Cookie"] },
    },
  },
  "DELETE /session": {
    id: "endSession",
    tag: "session",
    summary: "Log out",
    body: { schema: z.strictObject({}), example: {}, optional: true },
    answers: { 200: { description: "Logged out", schema: answers.nothing, example: {}, headers: ["Set-Cookie"] } },
  },
};
