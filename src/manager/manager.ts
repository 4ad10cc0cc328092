import { join } from "node:path";
import { pause } from "../backoff";
import type { Config, TaskTypeConfig } from "../config/config";
import type { Log } from "../log";
import type { HandleTask } from "../model/handler";
import { newId } from "../model/ids";
import { isName, NAME } from "../model/names";
import type { ManagerStore } from "../store/store";
import type { Transport } from "../transport/transport";
import { Claimer } from "./attempts/claimer";
import { Completer } from "./attempts/completer";
import { Executor } from "./attempts/executor";
import { LateClaims } from "./attempts/late-claims";
import { LeaseMonitor } from "./attempts/lease-monitor";
import { Spool } from "./attempts/spool";
import { type ManagerContext, type OnAttempt, PACE, type Pace } from "./context";
import { ManagerSlots, unknownJobRunner } from "./intake/job-slots";
import { Receiver } from "./intake/receiver";
import { Seal } from "./intake/verifier";
import { WaitingRoom } from "./intake/waiting";
import { type Counters, newCounters } from "./lifecycle/counters";
import { drainManager } from "./lifecycle/drain";
import { Registration } from "./lifecycle/registration";
import { AttemptLogs } from "./reports/logs";
import { ProgressReports } from "./reports/progress";
import { createRunner } from "./runners/choose";

export interface ManagerOptions {
  endpoint: string;
  config: Config;
  store: ManagerStore;
  /** Opened, or being opened, by the caller. */
  transport: Transport;
  log: Log;
  /** Handlers given as functions, by type or handler name; they run inline. */
  functions?: Record<string, HandleTask>;
  /** Told of each attempt whose handler has run, and for how long. */
  onAttempt?: OnAttempt;
  /** Waiting times other than the usual; for tests. */
  pace?: Partial<Pace>;
}

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
  /** Resolves when it is registered and consumes every type, or has been stopped before that. Never rejects. */
  readonly ready: Promise<void>;
  state(): ManagerState;
  /** Ends in good order (drain.ts); what still runs after `deadlineMs` (default: the config's) is given back. Never rejects. */
  drain(deadlineMs?: number): Promise<void>;
  /** As drain, without waiting for what runs; also hurries a drain under way. */
  stopNow(): Promise<void>;
}

/**
 * One manager at one endpoint. A task's way through it, a file each:
 *
 *   receive → (wait) → claim → run → finish      register beside it, watch and progress and logs while it runs, drain at the end
 *
 * Comes back at once: neither the store nor the broker needs to be there yet. Rejects only for a name that is none.
 */
export async function startManager(options: ManagerOptions): Promise<RunningManager> {
  const { endpoint, config, store, transport, log } = options;
  if (!isName(endpoint)) throw new Error(`"${endpoint}" cannot be an endpoint's name; it has to match ${NAME}.`);
  const id = newId();
  const ending = new AbortController();
  const desk: ManagerContext = {
    endpoint,
    config,
    store,
    log,
    counters: newCounters(),
    seal: new Seal(store, log),
    onAttempt: options.onAttempt,
    pace: { ...PACE, ...options.pace },
    over: ending.signal,
  };
  const spoolFolder = join(config.manager.spoolDir, endpoint);
  let drained: Promise<void> | null = null;

  const allSlots = new ManagerSlots(
    servedTypes(config),
    (type, job) => runnerFor(type, job, options),
    unknownJobRunner,
  );
  const types = allSlots.types.map((type) => type.name);
  const receiver = new Receiver(desk, transport, allSlots, () => claimer.wake());
  const completer = new Completer(desk, new Spool(spoolFolder, config.manager.slot, id), receiver, () =>
    registration.doubt(),
  );
  const progress = new ProgressReports(desk);
  const logs = new AttemptLogs(desk);
  const attempts = new Executor(desk, {
    completer,
    progress,
    logs,
    wake: () => {
      claimer.wake();
      waitingRoom.slotFree();
    },
    draining: () => drained !== null,
  });
  const registration = new Registration(desk, {
    types,
    state: () => ({ running: attempts.running.size, draining: drained !== null }),
    cameBack: () => void watch.sweep(),
    sure: () => claimer.wake(),
    registered: () => void receiver.comeBack(),
    refused: () => {
      void watch.sweep();
      void receiver.leave();
    },
    beaten: async () => receiver.serveAlso(await store.openDeliveries(endpoint)),
  });
  const claimer = new Claimer(desk, allSlots, {
    managerId: () => registration.sure(),
    doubt: () => registration.doubt(),
    hold: (reason) => receiver.hold(reason),
    unhold: (reason) => receiver.unhold(reason),
    taken: (item) => receiver.taken(item),
    start: (item, grant, slots) => attempts.start(item, grant, slots),
    begin: (item, grant, slots, managerId) => attempts.begin(item, grant, slots, managerId),
    giveBack: (item, grant, slots) => attempts.giveBack(item, grant, slots),
  });
  const watch = new LeaseMonitor(desk, attempts.running, new LateClaims(desk, registration));
  const waitingRoom = new WaitingRoom(desk, allSlots, receiver);
  const timers = [
    setInterval(() => void watch.sweep().then(() => waitingRoom.sweep()), desk.pace.sweepMs),
    setInterval(() => void Promise.all([progress.flush(), logs.flush(), watch.tell()]), desk.pace.flushMs),
  ];

  /** What an earlier manager left comes first: our registration retires it, and with it the leases under which it is finished. */
  async function begin(): Promise<void> {
    await completer.replay(spoolFolder).catch((error) => {
      log.error(
        { endpoint, folder: spoolFolder, err: error.message },
        "cannot read the spool; what is in it waits for the next start",
      );
    });
    await registration.start();
    // What a predecessor was killed at lies at the head of its queue. Received before its lease is ended it would be refused,
    // and come back at the queue's end, behind everything that waits.
    if (registration.retired > 0) await pause(desk.pace.reclaimMs, desk.over);
    await receiver.start();
    log.info({ endpoint, manager_id: registration.id, types }, "the manager is ready");
  }

  const hurry = new AbortController();
  function drain(deadlineMs: number): Promise<void> {
    drained ??= (async () => {
      log.info({ endpoint, running: attempts.running.size }, "the manager drains");
      void pause(deadlineMs, hurry.signal).then(() => hurry.abort());
      await drainManager({ desk, receiver, claimer, allSlots, attempts, completer, logs, registration }, hurry.signal);
      for (const timer of timers) clearInterval(timer);
      ending.abort();
      await completer.close();
      hurry.abort();
      log.info({ endpoint, left_in_spool: completer.pending }, "the manager has stopped");
    })();
    return drained;
  }

  return {
    id,
    endpoint,
    types,
    ready: Promise.race([
      begin(),
      new Promise<void>((resolve) => ending.signal.addEventListener("abort", () => resolve())),
    ]),
    state: () => ({
      ...desk.counters,
      managerId: registration.id,
      draining: drained !== null,
      waiting: allSlots.all().reduce((sum, slots) => sum + slots.waiting.size, 0),
      running: attempts.running.size,
      finishing: completer.pending,
    }),
    drain: (deadlineMs = config.manager.drainMs) => drain(deadlineMs),
    stopNow: () => {
      hurry.abort();
      return drain(0);
    },
  };
}

function servedTypes(config: Config): TaskTypeConfig[] {
  const names = config.manager.types ?? Object.keys(config.taskTypes);
  return names.flatMap((name) => (Object.hasOwn(config.taskTypes, name) ? [config.taskTypes[name]!] : []));
}

function runnerFor(type: TaskTypeConfig, job: string | null, { config, functions, log }: ManagerOptions) {
  const { graceMs, maxLogBytes, maxResultBytes } = config.manager;
  return createRunner(type, {
    handlersDir: config.handlersDir,
    graceMs,
    maxLogBytes,
    maxResultBytes,
    log,
    job,
    functions,
  });
}
