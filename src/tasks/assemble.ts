import type { Config } from "../config/config";
import { StoreUnavailable } from "../errors";
import type { Log } from "../log";
import type { Store } from "../store/store";
import type { Transport } from "../transport/transport";
import { Backlog } from "./backlog";
import { Creator } from "./create";
import { Health } from "./health";
import { Inbox } from "./inbox";
import { Newcomers } from "./newcomers";
import { Publisher } from "./publish";
import { Reconciler } from "./reconcile";
import type { TaskService } from "./service";
import { Tasks } from "./tasks";
import { Topology } from "./topology";
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
export function assembleTasks(options: { config: Config; store: Store; transport: Transport; log: Log }): RunningTasks {
  const { config, store, transport, log } = options;
  const topology = new Topology(config, store.tasks, transport);
  const publisher = new Publisher(config, transport, topology, store.upkeep, log);
  store.upkeep.onSettled(({ tasks }) => tasks.forEach(({ id }) => void publisher.ended(id)));
  const backlog = new Backlog(store.upkeep, config.api.outboxLimit);
  const creator = new Creator(
    config,
    store.tasks,
    backlog,
    (tasks) => publisher.created(tasks),
    (taskIds) => store.upkeep.settle(taskIds),
  );
  const inbox = new Inbox(config, store.upkeep, store.access, creator, log);
  // In one process a manager makes its own queues.
  const newcomers = transport.kind === "amqp" ? new Newcomers(config, store.upkeep, topology, log) : null;
  const reconciler = new Reconciler(config, store, transport, topology, publisher, inbox, newcomers, log);
  const waiters = new Waiters(store.tasks);
  const health = new Health(config, store, transport, backlog, reconciler, log);
  const service = new Tasks(config, store, creator, waiters, reconciler, health);
  return {
    service,
    async start() {
      await store.tasks.messageKey().then((key) => publisher.sealWith(key), withoutSeal(log));
      for (const type of Object.values(config.taskTypes)) {
        // Before anything is published: a manager with few rights waits for what only the API may declare.
        topology.declareType(type.name).catch(() => undefined);
        if (type.endpoints.length > 0) await store.tasks.registerEndpoints(type.name, type.endpoints);
      }
      // Its queues went with the process before this one.
      if (transport.kind === "embedded") await store.upkeep.unpublish();
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
