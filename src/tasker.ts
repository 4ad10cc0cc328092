import type * as Api from "./api/server";
import { type Backoff, backoffMs, pause } from "./backoff";
import type { Config } from "./config/config";
import { connectStore, connectTransport } from "./connect";
import { describeError } from "./describe-error";
import type * as Broker from "./initialize/broker";
import type * as Users from "./initialize/broker-users";
import type { Log } from "./log";
import type { OnAttempt } from "./manager/context";
import { MessageReader } from "./manager/intake/message-verifier";
import { type RunningManager, startManager } from "./manager/manager";
import { countEnded } from "./metrics/ended";
import { watchManagers } from "./metrics/managers";
import { processRegistry } from "./metrics/registry";
import { type ManagerChecks, type MetricsServer, startMetricsServer } from "./metrics/server";
import type { HandleTask } from "./model/handler";
import { RecorderLink } from "./recorder/link";
import type * as Recording from "./recorder/recorder";
import { RemoteStore } from "./recorder/remote-store";
import type { ManagerStore, Store } from "./store/store";
import type * as Assemble from "./tasks/assemble";
import type { EndpointUsers } from "./tasks/endpoints";
import type { TaskService } from "./tasks/tasks";
import type { Transport } from "./transport/transport";

/**
 * One process of tasker: the API, managers, or both (embedded mode, and as a library). The parts
 * are the same in every mode; only connect.ts knows which store and transport stand behind the
 * seams.
 *
 * Coming up never needs an order: the API listens at once and answers 503 until the database is
 * there; the rest is tried again until it works. Going down: no new requests → managers drain →
 * background work ends → broker → database.
 */
export interface TaskerProcess {
  readonly config: Config;
  /** Throws in a process whose managers report over the broker: it knows no database. */
  readonly store: Store;
  readonly transport: Transport;
  /** Null in a manager-only process. */
  readonly service: TaskService | null;
  readonly api: Api.RunningApi | null;
  readonly managers: RunningManager[];
  /** Where a manager-only process answers `/livez`, `/readyz` and `/metrics`; null: nowhere. */
  readonly healthPort: number | null;
  /** Resolves when everything asked for is usable. Never rejects. */
  readonly ready: Promise<void>;
  /**
   * Drains and closes everything; resolves when nothing is left. `now`: without waiting for what
   * runs. Idempotent.
   */
  close(now?: boolean): Promise<void>;
}

export interface ProcessOptions {
  config: Config;
  log: Log;
  /** Take requests and reconcile. */
  api: boolean;
  /** With `api`: also over HTTP; true if left out. A library user may do without. */
  listen?: boolean;
  /** Record what managers report over a broker, as every API does. */
  recorder?: boolean;
  /** Run a manager for each of these endpoints. */
  endpoints: readonly string[];
  /** Handlers given as functions, by type or handler name; they run inline. */
  functions?: Record<string, HandleTask>;
  uiDir?: string;
}

/** How long a manager waits for the broker and the recorder to answer. */
const RECORDER_MS = 5000;
const RETRY: Backoff = { firstMs: 200, factor: 2, maxMs: 3000 };

export async function startProcess(options: ProcessOptions): Promise<TaskerProcess> {
  const { config, log } = options;
  const remote =
    !options.api &&
    !options.recorder &&
    config.manager.report === "broker" &&
    !config.broker.uri.startsWith("embedded:");
  const store = remote ? null : await connectStore(config, log, { exclusive: true });
  const name = `tasker ${options.api ? "api" : options.endpoints.join(" ") || "recorder"}`;
  const transport = connectTransport(config, log, name, { consumesOnly: !options.api, calls: remote || options.api });
  const link = new RecorderLink(transport, RECORDER_MS);
  const reached = (endpoint: string) => (store ? store.managers : new RemoteStore(link, endpoint));
  // What only an API needs is loaded there only: a manager alone stays small.
  const tasks =
    options.api && store
      ? (require("./tasks/assemble") as typeof Assemble).assembleTasks({
          config,
          store,
          transport,
          log,
          users: usersOf(config),
        })
      : null;
  const records = (options.api || options.recorder) && transport.kind === "amqp";
  const recorder = records && store ? recorderOf(config, store, transport, log) : null;
  const managers: RunningManager[] = [];
  const ending = new AbortController();
  const registry = processRegistry(
    transport,
    !tasks ? (recorder ? "recorder" : "manager") : options.endpoints.length > 0 ? "api+manager" : "api",
  );
  if (tasks && store) {
    const registered = async () => new Set((await store.tasks.endpoints()).map(({ name }) => name));
    countEnded(registry, store.maintenance, registered);
  }
  const onAttempt = watchManagers(registry, managers);
  let api: Api.RunningApi | null = null;
  let health: MetricsServer | null = null;
  try {
    if (tasks && store && options.listen !== false) {
      const { startApi } = require("./api/server") as typeof Api;
      const { service } = tasks;
      api = await startApi({ config, service, access: store.access, log, metrics: registry, uiDir: options.uiDir });
    }
    if (!tasks && config.manager.port !== null) {
      const checks = () => managerChecks(options, reached, store, transport, managers);
      health = await startMetricsServer(config.manager.host, config.manager.port, { checks, registry });
    }
  } catch (error) {
    await transport.close(1000);
    await store?.close();
    throw error;
  }

  const ready = Promise.race([
    bringUp({ ...options, onAttempt }, { store, reached, transport, tasks, recorder }, managers, ending.signal),
    new Promise<void>((resolve) => ending.signal.addEventListener("abort", () => resolve(), { once: true })),
  ]);
  const endManager = (manager: RunningManager, now: boolean) =>
    now ? manager.stopNow() : manager.drain(config.manager.drainMs);
  let closing: Promise<void> | null = null;
  return {
    config,
    get store() {
      if (store) return store;
      throw new Error("This process has no connection to the database: its managers report over the broker.");
    },
    transport,
    service: tasks?.service ?? null,
    api,
    managers,
    healthPort: health?.port ?? null,
    ready,
    close(now = false) {
      if (now) for (const manager of managers) void manager.stopNow();
      closing ??= (async () => {
        ending.abort();
        await api?.drain(now ? 0 : config.api.drainMs);
        await Promise.all(managers.map((manager) => endManager(manager, now)));
        await tasks?.stop();
        await recorder?.stop();
        await transport.close(5000);
        await store?.close();
        await health?.close();
      })();
      return closing;
    },
  };
}

/** What administers the broker is loaded when an endpoint is removed, if ever. */
function usersOf(config: Config): EndpointUsers {
  return {
    remove(endpoint) {
      const { removeEndpointUser } = require("./initialize/broker") as typeof Broker;
      return removeEndpointUser(config, endpoint);
    },
  };
}

function recorderOf(config: Config, store: Store, transport: Transport, log: Log): Recording.Recorder {
  const { Recorder } = require("./recorder/recorder") as typeof Recording;
  const { brokerUsers } = require("./initialize/broker-users") as typeof Users;
  return new Recorder(store, transport, brokerUsers(config), log);
}

/** The checks of `/readyz` in a manager's process. */
async function managerChecks(
  { endpoints }: ProcessOptions,
  reached: Reached,
  store: Store | null,
  transport: Transport,
  managers: readonly RunningManager[],
): ReturnType<ManagerChecks["checks"]> {
  const { connected, blocked } = transport.health();
  const ok = () => ({ ok: true });
  const failed = (error: unknown) => ({ ok: false, detail: describeError(error, "sentence") });
  const reach: Awaited<ReturnType<ManagerChecks["checks"]>> = store
    ? { database: await store.checkWrites({ attempt: false, deadlineMs: 2000 }).then(ok, failed) }
    : { recorder: await reached(endpoints[0]!).messageKey().then(ok, failed) };
  const states = managers.map(({ endpoint, state }) => ({ endpoint, ...state() }));
  const fit = states.filter(({ managerId, draining }) => managerId !== null && !draining);
  return {
    ...reach,
    broker: { ok: connected, connected, blocked },
    managers: {
      ok: fit.length === endpoints.length,
      registered: fit.map(({ endpoint }) => endpoint),
      draining: states.filter(({ draining }) => draining).map(({ endpoint }) => endpoint),
    },
  };
}

/** The store as the manager of the endpoint reaches it. */
type Reached = (endpoint: string) => ManagerStore;

interface Parts {
  store: Store | null;
  reached: Reached;
  transport: Transport;
  tasks: Assemble.RunningTasks | null;
  recorder: Recording.Recorder | null;
}

/** Tries each step until it works; a process that ends begins no further one. */
async function bringUp(
  options: ProcessOptions & { onAttempt: OnAttempt },
  { store, reached, transport, tasks, recorder }: Parts,
  managers: RunningManager[],
  signal: AbortSignal,
): Promise<void> {
  const { config, log } = options;
  const again = async (what: string, step: () => Promise<unknown>) => {
    if (!signal.aborted) await until(what, step, log, signal);
  };
  // The broker may come later than the database or sooner: its own supervisor keeps trying.
  const connected = again("connect to the broker", () => transport.open(10_000));
  // A manager has no right to change tables, and waits for a process that has.
  if (!store) await connected;
  else if (tasks) await again("bring the database's schema up to date", () => store.migrate());
  else await again("find the database's schema up to date", () => store.schemaReady());
  await again("start the background work", async () => tasks?.start());
  const recording = again("start the recorder", async () => recorder?.start());
  const reader = new MessageReader();
  await Promise.all(
    options.endpoints.map((endpoint) =>
      again(`start the manager of ${endpoint}`, async () => {
        const manager = await startManager({
          endpoint,
          config,
          store: reached(endpoint),
          transport,
          log,
          functions: options.functions,
          onAttempt: options.onAttempt,
          reader,
        });
        managers.push(manager);
        if (signal.aborted) await manager.stopNow();
      }),
    ),
  );
  await connected;
  await recording;
  await Promise.all(managers.map((manager) => manager.ready));
}

/** Repeats a step until it works or the process ends. */
async function until(what: string, step: () => Promise<unknown>, log: Log, signal: AbortSignal): Promise<void> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      await step();
      return;
    } catch (error) {
      log.warn({ err: describeError(error, "sentence") }, `could not ${what} yet; trying again`);
    }
    await pause(backoffMs(failures, RETRY), signal);
  }
}
