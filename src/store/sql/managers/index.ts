import { IncarnationLost } from "../../../errors";
import type { ManagerStore, RecorderStore } from "../../store";
import type { Database } from "../connection";
import { addRequest } from "../maintenance/inbox";
import { messageKey } from "../secrets";
import { Claims } from "./claim";
import { finishAttempts } from "./finish";
import { endpointsOf, heartbeats } from "./heartbeats";
import { Logs } from "./log";
import { leave, openDeliveries, predecessorsOf, registerManager } from "./register";
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
    async heartbeat(managerId, state) {
      const [known] = await heartbeats(db, [{ managerId, ...state }]);
      return { known: known! };
    },
    leave: (managerId) => leave(db, managerId),
    async claim(managerId, endpoint, wanted) {
      const [result] = await claims.claimAll([{ managerId, endpoint, claims: wanted }]);
      if ("lost" in result!) throw new IncarnationLost(managerId);
      return result!.answers;
    },
    received: (endpoint, tasks) => markReceived(db, [{ endpoint, tasks }]),
    underWay: (leases) => reportUnderWay(db, leases),
    progress: (reports) => reportProgress(db, reports),
    log: (lines) => logs.add(lines),
    finish: (ends) => finishAttempts(db, ends),
    request: (row) => addRequest(db, row),
    check: (leases) => checkLeases(db, leases),
    confirm: (leases) => confirmLeases(db, leases),
  };
}

/** The recorder's face of the store: the same statements for many managers at once. */
export function recorderStore(db: Database): RecorderStore {
  const claims = new Claims(db);
  return {
    claimAll: (requests) => claims.claimAll(requests),
    finish: (ends) => finishAttempts(db, ends),
    received: (waiting) => markReceived(db, waiting),
    endpointsOf: (managerIds) => endpointsOf(db, managerIds),
    heartbeats: (beats) => heartbeats(db, beats),
  };
}
