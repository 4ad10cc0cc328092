import { join } from "node:path";
import type { Config, TaskTypeConfig } from "../config/config";
import type { Log } from "../log";
import type { HandleTask } from "../model/handler";
import type { ManagerStore } from "../store/store";
import type { Transport } from "../transport/transport";
import type { Attempt } from "./attempts/attempt";
import { Claimer } from "./attempts/claimer";
import { Completer } from "./attempts/completer";
import { Executor } from "./attempts/executor";
import { LeaseMonitor } from "./attempts/lease-monitor";
import { Spool } from "./attempts/spool";
import { type ManagerContext, type OnAttempt, PACE, type Pace } from "./context";
import { ManagerSlots } from "./intake/job-slots";
import { MessageReader, MessageVerifier } from "./intake/message-verifier";
import { Receiver } from "./intake/receiver";
import { Subscriptions } from "./intake/subscriptions";
import { WaitMonitor } from "./intake/wait-monitor";
import { newCounters } from "./lifecycle/counters";
import { Registration } from "./lifecycle/registration";
import { Reports } from "./reports/reports";
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
  /** Called for each attempt whose handler has run, with how long it did. */
  onAttempt?: OnAttempt;
  /** Shared by the managers of a process. */
  reader?: MessageReader;
  /** Waiting times other than the usual; for tests. */
  pace?: Partial<Pace>;
}

export type ManagerParts = ReturnType<typeof assemble>;

/** The parts of a manager. Each is given only parts above it. */
export function assemble(id: string, options: ManagerOptions, over: AbortSignal) {
  const { endpoint, config, store, transport, log, onAttempt } = options;
  const context: ManagerContext = {
    endpoint,
    config,
    store,
    log,
    counters: newCounters(),
    verifier: new MessageVerifier(store, log, options.reader ?? new MessageReader()),
    onAttempt,
    pace: { ...PACE, ...options.pace },
    draining: false,
    over,
  };
  const running = new Set<Attempt>();
  const allSlots = new ManagerSlots(servedTypes(config), (type, job) => runnerFor(type, job, options));
  const receiver = new Receiver(context, allSlots);
  const subscriptions = new Subscriptions(context, transport, allSlots.types, receiver);
  const registration = new Registration(context, typeNames(allSlots), subscriptions, running);
  const spool = new Spool(spoolFolder(context), config.manager.slot, id);
  const completer = new Completer(context, spool, subscriptions, registration);
  const reports = new Reports(context);
  const executor = new Executor(context, running, completer, reports);
  const claimer = new Claimer(context, allSlots, registration, subscriptions, executor);
  const leaseMonitor = new LeaseMonitor(context, running, registration);
  const waitMonitor = new WaitMonitor(context, allSlots, subscriptions);
  const intake = { allSlots, subscriptions, waitMonitor };
  return { context, running, ...intake, registration, completer, reports, executor, claimer, leaseMonitor };
}

export function spoolFolder({ config, endpoint }: ManagerContext): string {
  return join(config.manager.spoolDir, endpoint);
}

export function typeNames({ types }: ManagerSlots): string[] {
  return types.map(({ name }) => name);
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
