import type { Config } from "../config/config";
import { StoreUnavailable } from "../errors";
import type { Log } from "../log";
import type { Store } from "../store/store";
import type { Transport } from "../transport/transport";
import { Backlog } from "./backlog";
import { Creator } from "./create";
import { Endpoints, type EndpointUsers } from "./endpoints";
import { Health } from "./health";
import { Confirms } from "./publish/confirms";
import { TaskPublisher } from "./publish/publisher";
import { QueueRegistry } from "./publish/queue-registry";
import { CompletionFeed } from "./reconcile/completion-feed";
import { DueResponses } from "./reconcile/due-responses";
import { Housekeeping } from "./reconcile/housekeeping";
import { Leases } from "./reconcile/leases";
import { Leftovers } from "./reconcile/leftovers";
import { LostMessages } from "./reconcile/lost-messages";
import { Newcomers } from "./reconcile/newcomers";
import { Purge } from "./reconcile/purge";
import { Reconciler } from "./reconcile/reconcile";
import { Republisher } from "./reconcile/republish";
import { Reports } from "./reports";
import { Inbox } from "./requests/inbox";

import { TaskService } from "./tasks";
import { Waiters } from "./wait";

export interface RunningTasks {
  service: TaskService;
  /** Starts the background work: reconciler, backlog. Call once the schema is there. */
  start(): Promise<void>;
  /** Ends the background work. Calls under way are answered. */
  stop(): Promise<void>;
}

export interface TasksOptions {
  config: Config;
  store: Store;
  transport: Transport;
  log: Log;
  /** The endpoints' own users of the broker; null: there is no administrator to ask. */
  users?: EndpointUsers | null;
}

/** Puts the parts of this folder together over a store and a transport. */
export function assembleTasks({ config, store, transport, log, users = null }: TasksOptions): RunningTasks {
  const { maintenance } = store;
  const queues = new QueueRegistry(config, store.tasks, transport);
  const confirms = new Confirms(maintenance, transport, log);
  maintenance.onCompleted(({ tasks }) => tasks.forEach(({ id }) => void confirms.completed(id)));
  const publisher = new TaskPublisher(config, transport, queues, confirms, log);
  const backlog = new Backlog(maintenance, config.api.outboxLimit);
  const creator = new Creator(
    config,
    store.tasks,
    backlog,
    (tasks) => publisher.created(tasks),
    (taskIds) => maintenance.storeStatus(taskIds),
  );
  const inbox = new Inbox(config, maintenance, store.access, creator, log);
  const leftovers = new Leftovers(config, store, log);
  const reports = new Reports(transport);
  const leases = new Leases(maintenance, config.manager.ttlMs, log, () => reports.heard);
  const feed = new CompletionFeed(maintenance, () => leftovers.types());
  const republisher = new Republisher(config, maintenance, queues, publisher, leftovers);
  const duties = [
    // In one process a manager declares its own queues.
    ...(transport.kind === "amqp" ? [new Newcomers(config, maintenance, queues, log)] : []),
    leases,
    { work: () => inbox.takeIn().then(() => false) },
    new Housekeeping(maintenance, queues, log),
    leftovers,
    new LostMessages(maintenance, transport),
    new DueResponses(maintenance, leases, republisher, () => reports.allRecorded()),
    feed,
    new Purge(maintenance, leftovers, log),
  ];
  const reconciler = new Reconciler(maintenance, queues, feed, duties, log);
  const waiters = new Waiters(store.tasks);
  const health = new Health({ store, transport, backlog, reports, reconciler }, log);
  const endpoints = new Endpoints(store, queues, users, reconciler, log);
  const service = new TaskService({ config, store, creator, waiters, reconciler, health, endpoints });
  return {
    service,
    async start() {
      await store.tasks.messageKey().then((key) => publisher.signWith(key), unsigned(log));
      for (const { name, endpoints } of Object.values(config.taskTypes)) {
        // Before the first publish: a manager with few rights waits for what the API declares.
        queues.declareType(name).catch(() => undefined);
        const removed = await store.tasks.registerEndpoints(name, endpoints);
        if (removed.length > 0)
          log.warn({ type: name, endpoints: removed }, "the config lists endpoints that were removed; they stay so");
      }
      await leftovers.start();
      backlog.start();
      reports.start();
      reconciler.start();
    },
    async stop() {
      waiters.close();
      backlog.stop();
      reports.stop();
      await reconciler.stop();
      await confirms.stop();
    },
  };
}

/** A database user from before there was a key may not make one. Then messages go unsigned. */
function unsigned(log: Log): (error: Error) => void {
  return (error) => {
    if (error instanceof StoreUnavailable) throw error;
    const hint = "cannot read or make the key of messages, they go unsigned; `npx tasker initialize` grants the rights";
    log.warn({ err: error.message }, hint);
  };
}
