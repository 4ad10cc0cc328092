import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Config, TaskTypeConfig } from "../../src/config/config";
import { silentLog } from "../../src/log";
import type { ManagerContext } from "../../src/manager/context";
import { DeliveryBatch, type ReceivedTask } from "../../src/manager/intake/delivery-batch";
import { MessageReader, MessageVerifier } from "../../src/manager/intake/message-verifier";
import { newCounters } from "../../src/manager/lifecycle/counters";
import { newId } from "../../src/model/ids";
import type { AttemptEnd, Grant, ManagerStore } from "../../src/store/store";

export function typeConfig(name: string, more: Partial<TaskTypeConfig> = {}): TaskTypeConfig {
  return {
    name,
    deliver: "each",
    endpoints: [],
    concurrency: 4,
    timeoutMs: 20_000,
    waitMs: 30_000,
    expiresMs: null,
    keepMs: null,
    attempts: 3,
    backoff: { firstMs: 1, factor: 2, maxMs: 10 },
    isolation: "inline",
    reuse: true,
    claim: "first",
    priority: 0,
    payloadSchema: null,
    singleRun: false,
    legacyGet: false,
    jobs: [],
    submits: null,
    performer: { kind: "module", handler: name },
    ...more,
  };
}

export function testFolder(): string {
  return mkdtempSync(path.join(tmpdir(), "tasker-manager-"));
}

export function testConfig(folder: string, types: TaskTypeConfig[], manager: Partial<Config["manager"]> = {}): Config {
  return {
    runMode: "test",
    file: null,
    handlersDir: path.join(folder, "handlers"),
    taskTypes: Object.fromEntries(types.map((type) => [type.name, type])),
    api: {
      host: "127.0.0.1",
      port: 0,
      maxBodyBytes: 1_000_000,
      waitMs: 30_000,
      maxWaitMs: 60_000,
      keys: [],
      keyInUrl: false,
      trustProxy: 0,
      rateLimit: null,
      outboxLimit: 10_000,
      maxResultBytes: 1_000_000,
      drainMs: 1000,
      basePath: "",
    },
    manager: {
      endpoints: [],
      labels: {},
      report: "database",
      types: null,
      drainMs: 5000,
      heartbeatMs: 200,
      ttlMs: 5000,
      graceMs: 500,
      maxResultBytes: 100_000,
      maxLogBytes: 10_000,
      spoolDir: path.join(folder, "spool"),
      slot: "0",
      host: "127.0.0.1",
      port: null,
      ...manager,
    },
    database: {
      adminUri: null,
      uri: `sqlite:${path.join(folder, "tasker.db")}`,
      poolSize: 4,
      deadlineMs: 5000,
      tls: null,
    },
    broker: { uri: "embedded:", queueType: "classic", heartbeat: 10, tls: null },
    rabbitmq: null,
    log: { level: "silent", pretty: false },
  };
}

export function grantOf(more: Partial<Grant> = {}): Grant {
  return {
    granted: true,
    taskId: newId(),
    type: "noop",
    job: "",
    endpoint: "here",
    performer: "here",
    leaseId: newId(),
    attempt: 1,
    attempts: 3,
    generation: 1,
    timeoutMs: 1000,
    identifier: "an order",
    payload: "{}",
    traceparent: null,
    ...more,
  };
}

export function endOf(more: Partial<AttemptEnd> = {}): AttemptEnd {
  return {
    taskId: newId(),
    endpoint: "here",
    job: "",
    leaseId: newId(),
    generation: 1,
    attempt: 1,
    status: "succeeded",
    reason: null,
    error: null,
    result: '{"ok":true}',
    resultText: null,
    ...more,
  };
}

/** The context of a manager over a store of which only the given calls will be made. */
export function contextOf(
  folder: string,
  store: Partial<ManagerStore>,
  more: Partial<ManagerContext> = {},
): ManagerContext {
  return {
    endpoint: "here",
    config: testConfig(folder, [typeConfig("noop")]),
    store: store as ManagerStore,
    log: silentLog,
    counters: newCounters(),
    verifier: new MessageVerifier(store as ManagerStore, silentLog, new MessageReader()),
    pace: { sweepMs: 20, earlyAckMs: 300_000, spoolAfterMs: 50, flushMs: 20, reclaimMs: 50 },
    draining: false,
    over: new AbortController().signal,
    ...more,
  };
}

/** A delivery that notes how it was settled, with a task for each of these. */
export function deliveryOf(
  settled: (how: "ack" | "release" | "park" | "early") => void,
  tasks: ReadonlyArray<Partial<ReceivedTask>>,
): ReceivedTask[] {
  const delivery = {
    ...{
      body: "",
      messageId: null,
      redelivered: false,
      headers: {},
      ...{ author: null, replyTo: null, correlationId: null },
    },
    ack: () => settled("ack"),
    release: () => settled("release"),
    park: () => settled("park"),
  };
  const counters = {
    get ackedEarly() {
      return 0;
    },
    set ackedEarly(_count: number) {
      settled("early");
    },
  };
  const batch = new DeliveryBatch(delivery, tasks.length, counters);
  return tasks.map((task) => ({
    ...{ taskId: newId(), job: "", type: "noop", endpoint: "here", priority: 0, known: null, generation: 1 },
    ...{ mayBegin: false, batch, since: 0, reported: false, secured: false, ...task },
  }));
}
