import type { TaskStore } from "../../store";
import type { Database } from "../connection";
import { cancelTask } from "./cancel";
import { changesAfter } from "./changes";
import { createTasks } from "./create";
import { endpointsOfType, listEndpoints, openCounts, registerEndpoints } from "./endpoints";
import { listTasks } from "./list";
import {
  attemptsAt,
  findByIdentifier,
  findTask,
  listResponses,
  newestTask,
  readLog,
  responsesAt,
  taskStates,
} from "./read";
import { retryTask } from "./retry";

/** The API's face of the store. */
export function taskStore(db: Database): TaskStore {
  return {
    create: (tasks) => createTasks(db, tasks),
    find: (type, id) => findTask(db, type, id),
    states: (ids) => taskStates(db, ids),
    findByIdentifier: (type, identifier) => findByIdentifier(db, type, identifier),
    newest: (type) => newestTask(db, type),
    list: (filter) => listTasks(db, filter),
    responses: (taskId, filter) => listResponses(db, taskId, filter),
    response: (taskId, endpoint) => responsesAt(db, taskId, endpoint),
    attempts: (taskId, endpoint) => attemptsAt(db, taskId, endpoint),
    log: (key, afterSeq, limit) => readLog(db, key, afterSeq, limit),
    cancel: (taskId) => cancelTask(db, taskId),
    retry: (taskId, choose, more) => retryTask(db, taskId, choose, more),
    endpointsOf: (type) => endpointsOfType(db, type),
    registerEndpoints: (type, endpoints) => registerEndpoints(db, type, endpoints),
    endpoints: () => listEndpoints(db),
    endpoint: async (name) => (await listEndpoints(db, name))[0] ?? null,
    openCounts: () => openCounts(db),
    changes: (after, limit, only) => changesAfter(db, after, limit, only),
  };
}
