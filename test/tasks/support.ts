import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import Libsql from "libsql";
import type { Config, TaskTypeConfig } from "../../src/config/config";
import { TransportError } from "../../src/errors";
import { silentLog } from "../../src/log";
import type { ResponseStatus } from "../../src/model/response";
import type { NewTask } from "../../src/model/task";
import { openStore } from "../../src/store/sql/open";
import type { Store } from "../../src/store/store";
import { Confirms } from "../../src/tasks/publish/confirms";
import { TaskPublisher } from "../../src/tasks/publish/publisher";
import { QueueRegistry } from "../../src/tasks/publish/queue-registry";
import { DueResponses } from "../../src/tasks/reconcile/due-responses";
import { Leases } from "../../src/tasks/reconcile/leases";
import { Leftovers } from "../../src/tasks/reconcile/leftovers";
import { Republisher } from "../../src/tasks/reconcile/republish";
import { createEmbeddedTransport } from "../../src/transport/embedded";
import type { Outgoing, Subscription, Transport, TypeTopology } from "../../src/transport/transport";
import { testConfig, testFolder } from "../manager/support";
import { PAST } from "../store/support";

/** The embedded transport, with a record of what it took, and refusals of a test's own. */
export class RecordingTransport implements Transport {
  readonly kind = "embedded";
  readonly sent: Outgoing[] = [];
  connected = true;
  reconnects = 0;
  refuses: (message: Outgoing) => boolean = () => false;
  private readonly inner = createEmbeddedTransport({ log: silentLog });

  open = () => this.inner.open(1000);
  close = () => this.inner.close(1000);
  declareType = (type: TypeTopology) => this.inner.declareType(type);
  declareEndpoint = (type: string, endpoint: string) => this.inner.declareEndpoint(type, endpoint);
  removeEndpoint = (type: string, endpoint: string) => this.inner.removeEndpoint(type, endpoint);
  hasEndpoint = (type: string, endpoint: string) => this.inner.hasEndpoint(type, endpoint);
  consume = (subscription: Subscription) => this.inner.consume(subscription);
  depth: Transport["depth"] = (address) => this.inner.depth(address);
  health = () => ({ ...this.inner.health(), connected: this.connected, reconnects: this.reconnects });
  markBoot = () => this.inner.markBoot();
  declareRecorder = () => this.inner.declareRecorder();
  call: Transport["call"] = (message) => this.inner.call(message);

  async lostMessages(): Promise<boolean> {
    if (!this.connected) throw new TransportError("disconnected", "the broker is away");
    return this.inner.lostMessages();
  }

  async publish(message: Outgoing): Promise<void> {
    if (!this.connected) throw new TransportError("disconnected", "the broker is away");
    if (this.refuses(message)) throw new TransportError("refused", "the broker takes none of these");
    await this.inner.publish(message);
    this.sent.push(message);
  }

  /** What was published since the last call: where to, and the ids of the tasks. */
  taken() {
    return this.sent.splice(0).map(({ address, body }) => ({
      address,
      ids: (JSON.parse(body).tasks as Array<{ id: string }>).map(({ id }) => id),
    }));
  }
}

/** The parts that publish and reconcile, over a SQLite file of their own. */
export interface Parts {
  config: Config;
  store: Store;
  transport: RecordingTransport;
  queues: QueueRegistry;
  confirms: Confirms;
  publisher: TaskPublisher;
  leftovers: Leftovers;
  leases: Leases;
  due: DueResponses;
  /** Asked before what looks lost is attempted or published again; true if a test says nothing else. */
  reports: { allRecorded(): Promise<boolean> };
  sql(text: string, ...values: Array<string | number>): void;
  rows(text: string, ...values: Array<string | number>): unknown[];
  /** Makes what is open of the task due now. */
  makeDue(task: { id: string }): void;
  statusOf(task: NewTask, endpoint?: string): Promise<ResponseStatus>;
  close(): Promise<void>;
}

/** A database with the schema and nothing in it; each test has a copy. */
let empty: Promise<string> | undefined;
async function emptyDatabase(): Promise<string> {
  const folder = testFolder();
  const store = await openSqlite(folder);
  await store.migrate();
  await store.close();
  return folder;
}
const FILE = "tasker.db";
const openSqlite = (folder: string) =>
  openStore({ uri: `sqlite:${join(folder, FILE)}`, poolSize: 1, deadlineMs: 20_000, tls: null, log: silentLog });
afterAll(async () => empty && rmSync(await empty, { recursive: true }));

export async function openParts(types: TaskTypeConfig[]): Promise<Parts> {
  const folder = testFolder();
  const config = testConfig(folder, types);
  empty ??= emptyDatabase();
  // With its write-ahead log.
  cpSync(await empty, folder, { recursive: true });
  const store = await openSqlite(folder);
  for (const type of types) await store.tasks.registerEndpoints(type.name, type.endpoints);
  const beside = new Libsql(join(folder, FILE), { timeout: 5000 });
  const transport = new RecordingTransport();
  await transport.open();
  const { maintenance } = store;
  const queues = new QueueRegistry(config, store.tasks, transport);
  const confirms = new Confirms(maintenance, transport, silentLog);
  const publisher = new TaskPublisher(config, transport, queues, confirms, silentLog);
  const leftovers = new Leftovers(config, store, silentLog);
  const leases = new Leases(maintenance, config.manager.ttlMs, silentLog);
  const republisher = new Republisher(config, maintenance, queues, publisher, leftovers);
  const reports = { allRecorded: async () => true };
  const due = new DueResponses(maintenance, leases, republisher, () => reports.allRecorded());
  const sql: Parts["sql"] = (text, ...values) => void beside.prepare(text).run(...values);
  return {
    ...{ config, store, transport, queues, confirms, publisher, leftovers, leases, reports, due, sql },
    rows: (text, ...values) => beside.prepare(text).all(...values),
    makeDue: ({ id }) =>
      sql("UPDATE task_responses SET due_at = ? WHERE task_id = ? AND finished_at IS NULL", PAST, id),
    async statusOf(task, endpoint) {
      const { responses } = (await store.tasks.find(task.type, task.id))!;
      return responses.find((row) => endpoint === undefined || row.endpoint === endpoint)!.status;
    },
    async close() {
      await confirms.stop();
      await transport.close();
      beside.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}
