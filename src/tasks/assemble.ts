import type { Config } from "../config/config";
import { StoreUnavailable } from "../errors";
import type { Log } from "../log";
import type { Store } from "../store/store";
import type { Transport } from "../transport/transport";
import { Backlog } from "./backlog";
import { Creator } from "./create";
import { Endpoints, type EndpointUsers } from "./endpoints";
import { Health } from "./health";
import { Publisher } from "./publish";
import { QueueRegistry } from "./queue-registry";
import { Housekeeping } from "./reconcile/housekeeping";
import { Leftovers } from "./reconcile/leftovers";
import { Newcomers } from "./reconcile/newcomers";
import { Reconciler } from "./reconcile/reconcile";
import { Republisher } from "./reconcile/republish";
import { Inbox } from "./requests/inbox";
import type { TaskService } from "./service";
import { Tasks } from "./tasks";
import { Waiters } from "./wait";

export interface RunningTasks {
  service: TaskService;
  /** Starts what works in the background: reconciler, outbox watch. Call once the schema is there. */
  start(): Promise<void>;
  /** Ends the background work; calls under way are answered. */
  stop(): Promise<void>;
}

/** A database user from before there was a key may not make one: then nothing is sealed. */
function withoutSeal(log: Log): (error: Error) => void {
  return (error) => {
    if (error instanceof StoreUnavailable) throw error;
    const hint = "cannot read or make the key of messages, they go unsealed; `npx tasker initialize` grants the rights";
    log.warn({ err: error.message }, hint);
  };
}

/** Puts the parts of this folder together over a store and a transport. */
export function assembleTasks(options: {
  config: Config;
  store: Store;
  transport: Transport;
  log: Log;
  /** The endpoints' own users of the broker; null: there is no administrator to ask. */
  users?: EndpointUsers | null;
}): RunningTasks {
  const { config, store, transport, log, users = null } = options;
  const topology = new QueueRegistry(config, store.tasks, transport);
  const publisher = new Publisher(config, transport, topology, store.maintenance, log);
  store.maintenance.onSettled(({ tasks }) => tasks.forEach(({ id }) => void publisher.ended(id)));
  const backlog = new Backlog(store.maintenance, config.api.outboxLimit);
  const creator = new Creator(
    config,
    store.tasks,
    backlog,
    (tasks) => publisher.created(tasks),
    (taskIds) => store.maintenance.settle(taskIds),
  );
  const inbox = new Inbox(config, store.maintenance, store.access, creator, log);
  const leftovers = new Leftovers(config, store, log);
  const republisher = new Republisher(config, store.maintenance, transport, topology, publisher, leftovers);
  const housekeeping = new Housekeeping(store.maintenance, topology, leftovers, log);
  // In one process a manager makes its own queues.
  const newcomers = transport.kind === "amqp" ? new Newcomers(config, store.maintenance, topology, log) : null;
  const reconciler = new Reconciler(
    config,
    store,
    topology,
    republisher,
    inbox,
    newcomers,
    housekeeping,
    leftovers,
    log,
  );
  const waiters = new Waiters(store.tasks);
  const health = new Health(config, store, transport, backlog, reconciler, log);
  const endpoints = new Endpoints(store, topology, users, () => reconciler.nudge(), log);
  const service = new Tasks(config, store, creator, waiters, reconciler, health, endpoints);
  return {
    service,
    async start() {
      await store.tasks.messageKey().then((key) => publisher.sealWith(key), withoutSeal(log));
      for (const type of Object.values(config.taskTypes)) {
        // Before anything is published: a manager with few rights waits for what only the API may declare.
        topology.declareType(type.name).catch(() => undefined);
        const removed = await store.tasks.registerEndpoints(type.name, type.endpoints);
        if (removed.length > 0)
          log.warn(
            { type: type.name, endpoints: removed },
            "the config lists endpoints that were removed; they stay so",
          );
      }
      await leftovers.start();
      // Its queues went with the process before this one.
      if (transport.kind === "embedded") await store.maintenance.unpublish();
      backlog.start();
      reconciler.start();
    },
    async stop() {
      waiters.close();
      backlog.stop();
      await reconciler.stop();
      await publisher.stop();
    },
  };
}
