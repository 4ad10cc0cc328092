import { pause } from "../../backoff";
import type { ManagerSlots } from "../intake/job-slots";
import type { ManagerParts } from "../parts";

/** How long each step may take that waits for a store or a broker, which may be away for good. */
const STEP_MS = 2000;
/** Beyond the grace time: a runner has killed everything by then. */
const KILLED_MS = 3000;

/**
 * The end of a manager, in this order:
 *
 *  1. no delivery is taken, nothing more is claimed (others get what comes)
 *  2. what waits here goes back to its queue
 *  3. what runs goes on until the deadline, with heartbeats, progress and checks as before
 *  4. what still runs then is stopped, killed after the grace time, and given back uncharged
 *  5. ends and logs are flushed; what the store cannot take is in the spool
 *  6. the incarnation signs off, unless the spool still needs its leases
 *  7. runners end their idle children
 *
 * Never rejects, and always comes back: every step has a bound of its own.
 *
 * @param deadline aborts when step 3 is over
 */
export async function drainManager(parts: ManagerParts, deadline: AbortSignal): Promise<void> {
  const { context, allSlots, subscriptions, registration, reports, completer, executor, claimer } = parts;
  const { graceMs } = context.config.manager;
  const claimed = claimer.close();
  await within(STEP_MS, subscriptions.stop());
  giveBackWaiting(allSlots);
  await within(STEP_MS, claimed);

  await Promise.race([executor.unsettled.zero(), aborted(deadline)]);
  executor.stopAll();
  await within(graceMs + KILLED_MS, executor.unended.zero());

  const allCommitted = await completer.flush(STEP_MS);
  if (allCommitted) await within(STEP_MS, executor.unsettled.zero());
  await within(STEP_MS, reports.logs.flush());
  await within(STEP_MS, allCommitted ? registration.leave() : registration.end());
  await within(graceMs + KILLED_MS, allSlots.close());
}

function giveBackWaiting(allSlots: ManagerSlots): void {
  for (const { waiting } of allSlots.all()) {
    for (let task = waiting.shift(); task; task = waiting.shift()) task.batch.handOver();
  }
}

/** Resolves when `step` has settled, or after `ms`. */
async function within(ms: number, step: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  await Promise.race([step.then(noop, noop), pause(ms, settled.signal)]);
  settled.abort();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function noop(): void {}
