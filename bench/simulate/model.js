const costs = require("./costs");

const STEP_MS = 100;

/**
 * Steps through time with a system of the given size: tasks arrive, each for so many endpoints; managers claim and finish; the
 * reconciler settles page by page; heartbeats go on beside it. The database is a pool of cores that serves heartbeats first,
 * then what is waiting in the order of a task's life. At `outage.at` the broker loses everything for `outage.ms`, and what was
 * stored meanwhile is published by the reconciler.
 *
 * @param {{ seconds: number, endpoints: number, tasksPerSecond: number, fanOut: number, databaseCores: number, batched: boolean,
 *   heartbeatMs: number, outage?: { at: number, ms: number } }} size
 * @returns {{ database: number, reconciler: number, heartbeatsPerSecond: number, backlog: number, unsettled: number,
 *   worstBacklog: number, caughtUpAfter: number | null }}
 *   shares of 1 that are busy; open responses at the end, those whose task's status is not stored yet, and open ones at the worst; seconds from the end of the outage to an empty backlog
 */
function simulate(size) {
  const { endpoints, tasksPerSecond, fanOut, databaseCores, batched, heartbeatMs, outage } = size;
  const steps = (size.seconds * 1000) / STEP_MS;
  const perStep = (perSecond) => (perSecond * STEP_MS) / 1000;
  const heartbeats = perStep(endpoints / (heartbeatMs / 1000));
  const run = batched ? costs.claimFinishBatched : costs.claimFinishAlone;
  const create = costs.storeTask + costs.storeResponse * fanOut;
  const settle = costs.settleTask / fanOut + costs.settleResponse;

  let unstored = 0;
  let unpublished = 0;
  let runnable = 0;
  let unsettled = 0;
  let busyDatabase = 0;
  let busyReconciler = 0;
  let worstBacklog = 0;
  let caughtUpAfter = null;
  for (let step = 0; step < steps; step++) {
    const now = step * STEP_MS;
    const away = outage && now >= outage.at && now < outage.at + outage.ms;
    let budget = databaseCores * STEP_MS * 1000;
    const spend = (wanted, cost) => {
      const done = Math.min(wanted, budget / cost);
      budget -= done * cost;
      return done;
    };
    spend(heartbeats, costs.heartbeat);
    unstored += perStep(tasksPerSecond);
    const stored = spend(unstored, create);
    unstored -= stored;
    if (away) unpublished += stored * fanOut;
    else runnable += stored * fanOut;
    const ran = away ? 0 : spend(runnable, run);
    runnable -= ran;
    unsettled += ran;

    let pages = STEP_MS / costs.reconcilerPageMs;
    const attend = (wanted, cost) => {
      const done = spend(Math.min(wanted, pages * costs.reconcilerPage), cost);
      pages -= done / costs.reconcilerPage;
      return done;
    };
    if (!away) {
      const published = attend(unpublished, costs.settleResponse);
      unpublished -= published;
      runnable += published;
    }
    unsettled -= attend(unsettled, settle);

    busyDatabase += 1 - budget / (databaseCores * STEP_MS * 1000);
    busyReconciler += 1 - (pages * costs.reconcilerPageMs) / STEP_MS;
    const backlog = unstored * fanOut + unpublished + runnable;
    worstBacklog = Math.max(worstBacklog, backlog);
    const over = outage && now >= outage.at + outage.ms;
    if (over && caughtUpAfter === null && backlog < perStep(tasksPerSecond) * fanOut) {
      caughtUpAfter = (now - outage.at - outage.ms) / 1000;
    }
  }
  return {
    database: busyDatabase / steps,
    reconciler: busyReconciler / steps,
    heartbeatsPerSecond: endpoints / (heartbeatMs / 1000),
    backlog: Math.round(unstored * fanOut + unpublished + runnable),
    unsettled: Math.round(unsettled),
    worstBacklog: Math.round(worstBacklog),
    caughtUpAfter,
  };
}

module.exports = { simulate };
