import type { RouteId } from "../access/permissions";
import type { Handler } from "../request/call";
import { cancelTask, retryTask } from "./actions";
import { listEndpoints, listTypes, readEndpoint, readType, removeEndpoint, renameEndpoint } from "./catalogue";
import { docs, docsProblems, openapi } from "./docs";
import { allEvents, taskEvents } from "./events";
import { livez, metrics, readyz } from "./health";
import { listTasks, listTasksOfType } from "./lists";
import { readLog } from "./log";
import { listResponses, readResponse } from "./responses";
import { beginSession, endSession, readSession } from "./session";
import { runStatus, startRun, startRunByGet, stopRun, stopRunByGet } from "./single-run";
import { system } from "./system";
import { createBatch, createTask, readTask } from "./tasks";

/** Every route and what answers it. */
export const ROUTES: Readonly<Record<RouteId, Handler>> = {
  "GET /livez": livez,
  "GET /readyz": readyz,
  "GET /metrics": metrics,
  "GET /openapi.json": openapi,
  "GET /docs": docs,
  "GET /docs/problems": docsProblems,
  "GET /session": readSession,
  "POST /session": beginSession,
  "DELETE /session": endSession,
  "GET /system": system,
  "GET /tasks": listTasks,
  "GET /types": listTypes,
  "GET /types/:taskType": readType,
  "GET /endpoints": listEndpoints,
  "GET /endpoints/:name": readEndpoint,
  "DELETE /endpoints/:name": removeEndpoint,
  "POST /endpoints/:name/rename": renameEndpoint,
  "GET /events": allEvents,
  "POST /:taskType": createTask,
  "GET /:taskType": listTasksOfType,
  "POST /:taskType/batch": createBatch,
  "POST /:taskType/start": startRun,
  "GET /:taskType/start": startRunByGet,
  "POST /:taskType/stop": stopRun,
  "GET /:taskType/stop": stopRunByGet,
  "GET /:taskType/status": runStatus,
  "GET /:taskType/:id": readTask,
  "GET /:taskType/:id/events": taskEvents,
  "GET /:taskType/:id/responses": listResponses,
  "GET /:taskType/:id/responses/:endpoint": readResponse,
  "GET /:taskType/:id/responses/:endpoint/log": readLog,
  "POST /:taskType/:id/cancel": cancelTask,
  "POST /:taskType/:id/retry": retryTask,
};
