import { ANY_ENDPOINT, isName } from "../../../model/names";
import type { TaskFilter, TaskStore } from "../../store";
import type { Database } from "../connection";
import { typeExists } from "../maintenance/types";
import { ensureMessageKey } from "../secrets";
import { cancelTask } from "./cancel";
import { changesAfter } from "./changes";
import { createTasks } from "./create";
import { endpointsOfType, listEndpoints, openCounts, registerEndpoints } from "./endpoints";
import { listTasks, newestTask } from "./list";
import { attemptsAt, listResponses, readLog, responsesAt, taskFinder, taskStates } from "./read";
import { removeEndpoint } from "./remove-endpoint";
import { renameEndpoint } from "./rename-endpoint";
import { retryTask } from "./retry";
import { unsettledTasks } from "./unsettled";

/** The store for the API. */
export function taskStore(db: Database): TaskStore {
  return {
    messageKey: () => ensureMessageKey(db),
    create: (tasks) => createTasks(db, tasks),
    find: taskFinder(db),
    states: (ids) => taskStates(db, ids),
    unsettled: (ids) => unsettledTasks(db, ids),
    newest: async (type) => (isName(type) ? newestTask(db, type) : null),
    list: async (filter) => (areNames(filter) ? listTasks(db, filter) : []),
    responses: (taskId, filter) => listResponses(db, taskId, filter),
    response: async (taskId, endpoint) => (isKey(endpoint) ? responsesAt(db, taskId, endpoint) : []),
    attempts: async (taskId, endpoint) => (isKey(endpoint) ? attemptsAt(db, taskId, endpoint) : []),
    log: async (key, afterSeq, limit) => (isKey(key.endpoint) ? readLog(db, key, afterSeq, limit) : []),
    cancel: (taskId, endpoints) => cancelTask(db, taskId, endpoints),
    retry: (taskId, choose, more) => retryTask(db, taskId, choose, more),
    endpointsOf: async (type) => (isName(type) ? endpointsOfType(db, type) : []),
    typeExists: async (type) => isName(type) && typeExists(db, type),
    registerEndpoints: (type, endpoints) => registerEndpoints(db, type, endpoints),
    removeEndpoint: async (name, dryRun) => (isName(name) ? removeEndpoint(db, name, dryRun) : null),
    renameEndpoint: async (from, to) =>
      isName(from) && isName(to) ? renameEndpoint(db, from, to) : { kind: "unknown" },
    endpoints: () => listEndpoints(db),
    endpoint: async (name) => (isName(name) ? ((await listEndpoints(db, name))[0] ?? null) : null),
    openCounts: () => openCounts(db),
    changes: (after, limit, only) => changesAfter(db, after, limit, only),
  };
}

// Columns of names are ASCII. MySQL rejects a comparison with other text, so that is not sent.
function isKey(endpoint: string): boolean {
  return endpoint === ANY_ENDPOINT || isName(endpoint);
}

function areNames({ type, types, endpoint }: TaskFilter): boolean {
  return [type, endpoint].every((name) => name === undefined || isName(name)) && (types ?? []).every(isName);
}
