import type { ManagerStore } from "../../store";
import type { Database } from "../connection";
import { addRequest } from "../maintenance/inbox";
import { messageKey } from "../secrets";
import { Claims } from "./claim";
import { finishAttempts } from "./finish";
import { Logs } from "./log";
import { heartbeat, leave, openDeliveries, predecessorsOf, registerManager } from "./register";
import { checkLeases, confirmLeases, markReceived, reportProgress, reportUnderWay } from "./report";

/** The managers' face of the store. Nothing here writes a task row. */
export function managerStore(db: Database): ManagerStore {
  const claims = new Claims(db);
  const logs = new Logs(db);
  return {
    messageKey: () => messageKey(db),
    predecessors: (of) => predecessorsOf(db, of),
    register: (manager) => registerManager(db, manager),
    openDeliveries: (endpoint) => openDeliveries(db, endpoint),
    heartbeat: (managerId, state) => heartbeat(db, managerId, state),
    leave: (managerId) => leave(db, managerId),
    claim: (managerId, endpoint, wanted) => claims.claim(managerId, endpoint, wanted),
    received: (endpoint, waiting) => markReceived(db, endpoint, waiting),
    underWay: (leases) => reportUnderWay(db, leases),
    progress: (reports) => reportProgress(db, reports),
    log: (lines) => logs.add(lines),
    finish: (ends) => finishAttempts(db, ends),
    request: (row) => addRequest(db, row),
    check: (leases) => checkLeases(db, leases),
    confirm: (leases) => confirmLeases(db, leases),
  };
}
