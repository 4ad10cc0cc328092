import type { MaintenanceStore } from "../../store";
import type { Database } from "../connection";
import { backlog } from "./backlog";
import { dueResponses, payloadsOf } from "./due";
import { endedAfter } from "./ended";
import { deleteRequests, openRequests, refuseRequest } from "./inbox";
import { releaseLock, takeLock } from "./lock";
import { markMissed, markPublished, markUnpublished, postpone, withdraw } from "./mark";
import { missedCompletions } from "./missed-completions";
import { newcomersAfter } from "./newcomers";
import { purgeTasks } from "./purge";
import { declareDead, heartbeats, reclaimLeases } from "./reclaim";
import { applyRegistrations, clearLeaving, leavingEndpoints } from "./registrations";
import { TaskStatuses } from "./task-status";
import { configureTypes, isOpen, setOpenDeliver } from "./types";

/** The store for the reconciler. */
export function maintenanceStore(db: Database): MaintenanceStore {
  const statuses = new TaskStatuses(db);
  return {
    lock: (name, holder, ttlMs, position) => takeLock(db, name, holder, ttlMs, position),
    unlock: (name, holder) => releaseLock(db, name, holder),
    due: (limit) => dueResponses(db, limit),
    payloads: (taskIds) => payloadsOf(db, taskIds),
    markPublished: (keys, recheckMs) => markPublished(db, keys, recheckMs),
    markUnpublished: () => markUnpublished(db),
    postpone: (rows) => postpone(db, rows),
    markMissed: (rows) => markMissed(db, rows),
    withdraw: (rows) => withdraw(db, rows),
    reclaim: (leases) => reclaimLeases(db, leases),
    ended: (after, limit) => endedAfter(db, after, limit),
    completeTasks: (responses) => statuses.complete(responses),
    missedCompletions: (of, limit) => missedCompletions(db, of, limit),
    storeStatus: (taskIds) => statuses.store(taskIds),
    onCompleted: (listener) => statuses.onCompleted(listener),
    heartbeats: () => heartbeats(db),
    declareDead: (silent) => declareDead(db, silent),
    newcomers: (after, overlapMs) => newcomersAfter(db, after, overlapMs),
    applyRegistrations: () => applyRegistrations(db),
    leavingEndpoints: () => leavingEndpoints(db),
    clearLeaving: (endpoint) => clearLeaving(db, endpoint),
    configureTypes: (types) => configureTypes(db, types),
    setOpenDeliver: (type, deliver) => setOpenDeliver(db, type, deliver),
    isOpen: (type, deliver) => isOpen(db, type, deliver),
    requests: (limit) => openRequests(db, limit),
    deleteRequests: (ids) => deleteRequests(db, ids),
    refuseRequest: (id, problem) => refuseRequest(db, id, problem),
    purge: (type, keepMs, limit) => purgeTasks(db, type, keepMs, limit),
    backlog: (countTo) => backlog(db, countTo),
  };
}
