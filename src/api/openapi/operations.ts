import { z } from "zod";
import { batchBody, cancelBody, renameBody, retryBody, startBody, submitBody } from "../../tasks/requests/request";
import type { RouteId } from "../access/permissions";
import * as query from "../request/query";
import * as answers from "./answers";
import { answer, found, type Operation, pageOf, STREAM, stream, task, text, unchanged } from "./operation";

const taskRequest = {
  identifier: "e7bd91d0-16ad-11e2-892e-0800200c9a66",
  payload: { version: "2.1" },
  endpoints: ["loadbalancer-1", "loadbalancer-2"],
};
const emptyBody = { schema: z.strictObject({}), example: {}, optional: true };
const sessionBody = { schema: z.strictObject({ key: z.string() }), example: { key: "tsk_…" } };
const { type: _type, ...ofOneType } = query.taskListQuery.shape;

const start = {
  answers: { 202: task("The run, stored", "Location", "Idempotency-Replayed") },
  problems: ["already_running", "identifier_conflict", "overloaded", "route_not_found", "invalid_request"],
} as const;
const stop = {
  answers: { 200: answer("None was running", answers.stopped), 202: answer("It is being stopped", answers.stopped) },
  problems: ["route_not_found"],
} as const;

type Untagged = Omit<Operation, "tag">;

/** The document's text on every route of permissions.ts, by tag. */
const BY_TAG = {
  tasks: {
    "POST /:taskType": {
      id: "createTask",
      summary:
        "Store a task and offer it to every expected endpoint; sent again with the same identifier it is the same task",
      waits: true,
      body: { schema: submitBody, example: taskRequest },
      answers: {
        200: task("With wait: the task is settled", "Location", "Idempotency-Replayed"),
        202: task("Stored", "Location", "Idempotency-Replayed"),
      },
      problems: ["identifier_conflict", "already_running", "overloaded"],
    },
    "POST /:taskType/batch": {
      id: "createTasks",
      summary: "Up to 1000 tasks at once; each stands or falls alone",
      body: { schema: batchBody, example: { tasks: [taskRequest, { payload: {} }] } },
      answers: found(answers.batchAnswer, "A result for each, in their order"),
      problems: ["overloaded"],
    },
    "GET /:taskType/:id": {
      id: "readTask",
      summary: "A task with its responses, at once, or when it is settled or has changed",
      waits: true,
      headers: ["If-None-Match"],
      answers: { 200: task("The task"), ...unchanged },
    },
    "GET /:taskType": {
      id: "listTasksOfType",
      summary: "Tasks of one type, newest first",
      query: z.strictObject(ofOneType),
      answers: pageOf(answers.taskSummary),
    },
    "GET /tasks": {
      id: "listTasks",
      summary: "Tasks of all types that the key may see, newest first",
      query: query.taskListQuery,
      answers: pageOf(answers.taskSummary),
      problems: ["unknown_task_type"],
    },
    "POST /:taskType/:id/cancel": {
      id: "cancelTask",
      summary: "What waits never starts, what runs is told to stop, then killed; everywhere or at some endpoints",
      waits: true,
      body: { schema: cancelBody, example: { endpoints: ["loadbalancer-2"] }, optional: true },
      answers: {
        200: answer("Nothing was left to do", answers.cancelled),
        202: answer("It happens, or has happened now", answers.cancelled),
      },
      problems: ["endpoint_not_found", "illegal_state"],
    },
    "POST /:taskType/:id/retry": {
      id: "retryTask",
      summary: "Open failed, missed or missing responses again, inside the same task",
      body: { schema: retryBody, example: { statuses: ["failed", "missed"] }, optional: true },
      answers: {
        200: answer("None was to be retried", answers.retried),
        202: answer("These are opened again", answers.retried),
      },
      problems: ["endpoint_not_found", "already_running", "illegal_state", "overloaded"],
    },
  },
  responses: {
    "GET /:taskType/:id/responses": {
      id: "listResponses",
      summary: "All responses, in the order of the endpoints' names",
      query: query.responseListQuery,
      answers: pageOf(answers.taskResponse),
    },
    "GET /:taskType/:id/responses/:endpoint": {
      id: "readResponse",
      summary: "One response with its whole result and the history of its attempts",
      query: query.responseQuery,
      answers: found(answers.responseReading),
      problems: ["endpoint_not_found"],
    },
    "GET /:taskType/:id/responses/:endpoint/log": {
      id: "readLog",
      summary: "What the handler logged; with Accept: text/event-stream as it comes",
      query: query.logQuery,
      headers: ["Last-Event-ID"],
      answers: {
        200: {
          ...answer("One page, or a stream of `log` events with `end` at last", answers.page(answers.logChunk), [
            "Link",
          ]),
          also: { type: STREAM, schema: answers.logStream },
        },
      },
      problems: ["endpoint_not_found", "overloaded"],
    },
  },
  "single run": {
    "POST /:taskType/start": {
      id: "startRun",
      summary: "Start a run of a single_run type; the identifier is made by the server",
      body: { schema: startBody, example: { payload: { full: true } }, optional: true },
      ...start,
    },
    "GET /:taskType/start": {
      id: "startRunByGet",
      summary: "As POST, for types with legacy_get; the parameters are the payload",
      freeQuery: true,
      ...start,
    },
    "GET /:taskType/status": {
      id: "readRun",
      summary: "The current or last run of a single_run type",
      headers: ["If-None-Match"],
      answers: { 200: task("The run"), ...unchanged },
      problems: ["task_not_found", "route_not_found"],
    },
    "POST /:taskType/stop": {
      id: "stopRun",
      summary: "Cancel the run of a single_run type",
      waits: true,
      body: emptyBody,
      ...stop,
    },
    "GET /:taskType/stop": {
      id: "stopRunByGet",
      summary: "As POST, for types with legacy_get",
      freeQuery: true,
      ...stop,
    },
  },
  catalogue: {
    "GET /types": {
      id: "listTypes",
      summary: "The task types that the key may touch",
      answers: pageOf(answers.taskType),
      problems: ["invalid_request"],
    },
    "GET /types/:taskType": {
      id: "readType",
      summary: "One type, who is registered for it, and what is open",
      answers: found(answers.taskTypeDetail),
      problems: ["invalid_request"],
    },
    "GET /endpoints": {
      id: "listEndpoints",
      summary: "Every endpoint with its managers",
      answers: pageOf(answers.endpoint),
      problems: ["invalid_request"],
    },
    "GET /endpoints/:name": {
      id: "readEndpoint",
      summary: "One endpoint with its managers",
      answers: found(answers.endpoint),
      problems: ["endpoint_not_found", "invalid_request"],
    },
    "DELETE /endpoints/:name": {
      id: "removeEndpoint",
      summary: "End an endpoint's life: nothing is expected of it any more, and what it owes is final",
      query: query.removeQuery,
      body: emptyBody,
      answers: {
        200: answer("A dry run, or nothing was left to do", answers.endpointRemoved),
        202: answer("It is removed", answers.endpointRemoved),
      },
      problems: ["endpoint_not_found"],
    },
    "POST /endpoints/:name/rename": {
      id: "renameEndpoint",
      summary: "An endpoint goes on under another name, with what it owes; not while it is at work",
      body: { schema: renameBody, example: { name: "loadbalancer-9" } },
      answers: { 202: answer("It has the new name", answers.endpointRenamed, ["Location"]) },
      problems: ["endpoint_not_found", "illegal_state"],
    },
  },
  events: {
    "GET /events": {
      id: "followEvents",
      summary: "`response.updated` for every change of a response that the key may see",
      query: query.eventsQuery,
      headers: ["Last-Event-ID"],
      answers: stream,
      problems: ["overloaded"],
    },
    "GET /:taskType/:id/events": {
      id: "followTask",
      summary: "`task.updated` with the whole task, at first and after changes, and `response.updated`",
      query: query.eventsQuery,
      headers: ["Last-Event-ID"],
      answers: stream,
      problems: ["overloaded"],
    },
  },
  system: {
    "GET /livez": { id: "livez", summary: "The process answers", answers: found(answers.alive, "It does") },
    "GET /readyz": {
      id: "readyz",
      summary: "Whether work can be taken; the checks say why not",
      answers: {
        200: answer("It can", answers.health),
        503: { ...answer("It cannot", answers.health), example: answers.notReady },
      },
    },
    "GET /metrics": {
      id: "metrics",
      summary: "Prometheus text",
      answers: text("All series", "text/plain", answers.metrics),
    },
    "GET /system": {
      id: "system",
      summary: "Version and config, secrets hidden",
      answers: found(answers.system),
      problems: ["invalid_request"],
    },
    "GET /openapi.json": {
      id: "openapi",
      summary: "This document",
      answers: found(answers.openapi, "OpenAPI 3.1"),
    },
    "GET /docs": {
      id: "docs",
      summary: "This document for people",
      answers: text("A page", "text/html", answers.html),
    },
    "GET /docs/problems": {
      id: "docsProblems",
      summary: "Every problem code: when it comes and what to do",
      answers: text("A page", "text/html", answers.html),
    },
  },
  session: {
    "GET /session": {
      id: "readSession",
      summary: "Who asks, and what they may do",
      answers: found(answers.session),
    },
    "POST /session": {
      id: "beginSession",
      summary: "Log in with a key: a cookie, and the token that changes must show as X-CSRF-Token",
      body: sessionBody,
      answers: { 200: answer("Logged in", answers.session, ["Set-Cookie"]) },
    },
    "DELETE /session": {
      id: "endSession",
      summary: "Log out",
      body: emptyBody,
      answers: { 200: answer("Logged out", answers.nothing, ["Set-Cookie"]) },
    },
  },
} satisfies Record<string, Partial<Record<RouteId, Untagged>>>;

export const OPERATIONS = Object.fromEntries(
  Object.entries(BY_TAG).flatMap(([tag, routes]) =>
    Object.entries(routes as Record<string, Untagged>).map(([route, operation]) => [route, { ...operation, tag }]),
  ),
) as Readonly<Record<RouteId, Operation>>;
