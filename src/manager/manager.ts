import { pause } from "../backoff";
import { newId } from "../model/ids";
import { isName, NAME } from "../model/names";
import type { Counters } from "./lifecycle/counters";
import { drainManager } from "./lifecycle/drain";
import { assemble, type ManagerOptions, type ManagerParts, spoolFolder, typeNames } from "./parts";

export interface ManagerState extends Counters {
  /** The present incarnation; null while it is not registered. */
  managerId: string | null;
  draining: boolean;
  /** Deliveries' tasks that wait here for a slot. */
  waiting: number;
  running: number;
  /** Ended and not committed yet. */
  finishing: number;
}

export interface RunningManager {
  /** Names this manager for as long as it runs; incarnations come and go. */
  readonly id: string;
  readonly endpoint: string;
  /** Names of the types it serves: all of the config, or those of `manager.types`. */
  readonly types: readonly string[];
  /**
   * Resolves when it is registered and consumes every type, or has been stopped before that. Never
   * rejects.
   */
  readonly ready: Promise<void>;
  state(): ManagerState;
  /**
   * Ends in good order (drain.ts); what still runs after `deadlineMs` (default: the config's) is
   * given back. Never rejects.
   */
  drain(deadlineMs?: number): Promise<void>;
  /** As drain, without waiting for what runs; also hurries a drain under way. */
  stopNow(): Promise<void>;
}

/**
 * One manager at one endpoint. A task's way through it, a file each:
 *
 *   receive → (wait) → claim → run → complete
 *
 * Beside it the manager registers, watches leases, and reports progress and logs; then it drains.
 *
 * Comes back at once: neither the store nor the broker needs to be there yet. Rejects only for a
 * name that is none.
 */
export async function startManager(options: ManagerOptions): Promise<RunningManager> {
  const { endpoint, config } = options;
  if (!isName(endpoint)) throw new Error(`"${endpoint}" cannot be an endpoint's name; it has to match ${NAME}.`);
  const id = newId();
  const over = new AbortController();
  const parts = assemble(id, options, over.signal);
  const { context, allSlots, registration, completer, running } = parts;
  const timers = startTimers(parts);
  const ended = new Promise<void>((resolve) => over.signal.addEventListener("abort", () => resolve()));
  const ready = Promise.race([begin(parts), ended]);

  const hurry = new AbortController();
  let drained: Promise<void> | null = null;
  async function end(deadlineMs: number): Promise<void> {
    context.log.info({ endpoint, running: running.size }, "the manager drains");
    context.draining = true;
    void pause(deadlineMs, hurry.signal).then(() => hurry.abort());
    await drainManager(parts, hurry.signal);
    for (const timer of timers) clearInterval(timer);
    over.abort();
    await completer.close();
    hurry.abort();
    context.log.info({ endpoint, left_in_spool: completer.pending }, "the manager has stopped");
  }
  function drain(deadlineMs: number = config.manager.drainMs): Promise<void> {
    drained ??= end(deadlineMs);
    return drained;
  }

  return {
    id,
    endpoint,
    types: typeNames(allSlots),
    ready,
    state: () => ({
      ...context.counters,
      managerId: registration.id,
      draining: context.draining,
      waiting: allSlots.waiting,
      running: running.size,
      finishing: completer.pending,
    }),
    drain,
    stopNow: () => {
      hurry.abort();
      return drain(0);
    },
  };
}

function startTimers({ context, leaseMonitor, waitMonitor, reports }: ManagerParts): NodeJS.Timeout[] {
  const sweep = () => void leaseMonitor.check().then(() => waitMonitor.sweep());
  const flush = () => void Promise.all([reports.flush(), leaseMonitor.report()]);
  return [setInterval(sweep, context.pace.sweepMs), setInterval(flush, context.pace.flushMs)];
}

/**
 * What an earlier manager left comes first: our registration retires it, and with it the leases
 * under which it is finished.
 */
async function begin({ context, allSlots, subscriptions, registration, completer }: ManagerParts): Promise<void> {
  const { endpoint, log, over, pace } = context;
  const folder = spoolFolder(context);
  await completer.replay(folder).catch((error) => {
    const sentence = "cannot read the spool; what is in it waits for the next start";
    log.error({ endpoint, folder, err: error.message }, sentence);
  });
  await registration.start();
  // What a predecessor was killed at lies at the head of its queue. Received before its lease is
  // ended it would be refused, and come back at the queue's end, behind everything that waits.
  if (registration.retired > 0) await pause(pace.reclaimMs, over);
  await subscriptions.start();
  log.info({ endpoint, manager_id: registration.id, types: typeNames(allSlots) }, "the manager is ready");
}
