import type { MaintenanceStore } from "../../store";
import type { Database } from "../connection";
import { admitManagers, endpointLeft, leavingEndpoints } from "./admit";
import { backlog } from "./backlog";
import { dueResponses, payloadsOf } from "./due";
import { endedAfter } from "./ended";
import { openRequests, refuseRequest, requestsDone } from "./inbox";
import { releaseLock, takeLock } from "./lock";
import { markPublished, missResponses, postpone, unpublish, withdrawResponses } from "./mark";
import { missedCompletions } from "./missed-completions";
import { newcomersAfter } from "./newcomers";
import { purgeTasks } from "./purge";
import { heartbeats, reapManagers, reclaimLeases } from "./reclaim";
import { TaskStatuses } from "./task-status";
import { configureTypes, isOpen, tellOpenDeliver } from "./types";

/** The reconciler's face of the store. */
export function maintenanceStore(db: Database): MaintenanceStore {
  const statuses = new TaskStatuses(db);
  return {
    lock: (name, holder, ttlMs, place) => takeLock(db, name, holder, ttlMs, place),
    unlock: (name, holder) => releaseLock(db, name, holder),
    due: (limit) => dueResponses(db, limit),
    payloads: (taskIds) => payloadsOf(db, taskIds),
    published: (keys, recheckMs) => markPublished(db, keys, recheckMs),
    unpublish: () => unpublish(db),
    postpone: (rows) => postpone(db, rows),
    miss: (keys) => missResponses(db, keys),
    withdraw: (keys) => withdrawResponses(db, keys),
    reclaim: (leases) => reclaimLeases(db, leases),
    ended: (after, limit) => endedAfter(db, after, limit),
    completeTasks: (responses) => statuses.complete(responses),
    missedCompletions: (of, limit) => missedCompletions(db, of, limit),
    storeStatus: (taskIds) => statuses.store(taskIds),
    onCompleted: (listener) => statuses.onCompleted(listener),
    heartbeats: () => heartbeats(db),
    reap: (silent) => reapManagers(db, silent),
    newcomers: (after, overlapMs) => newcomersAfter(db, after, overlapMs),
    admit: () => admitManagers(db),
    leaving: () => leavingEndpoints(db),
    endpointLeft: (endpoint) => endpointLeft(db, endpoint),
    configureTypes: (types) => configureTypes(db, types),
    tellOpenDeliver: (type, deliver) => tellOpenDeliver(db, type, deliver),
    isOpen: (type, deliver) => isOpen(db, type, deliver),
    requests: (limit) => openRequests(db, limit),
    requestDone: (ids) => requestsDone(db, ids),
    requestRefused: (id, problem) => refuseRequest(db, id, problem),
    purge: (type, keepMs, limit) => purgeTasks(db, type, keepMs, limit),
    backlog: (countTo) => backlog(db, countTo),
  };
}
