import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config, TaskTypeConfig } from "../../src/config/config";
import { silentLog } from "../../src/log";
import type { Pace } from "../../src/manager/context";
import { type RunningManager, startManager } from "../../src/manager/manager";
import type { HandleTask } from "../../src/model/handler";
import { newId } from "../../src/model/ids";
import type { AttemptRecord, ResponseRecord } from "../../src/model/response";
import { openStore } from "../../src/store/sql/open";
import type { ManagerStore, Store } from "../../src/store/store";
import { assembleTasks, type RunningTasks } from "../../src/tasks/assemble";
import { createEmbeddedTransport } from "../../src/transport/embedded";
import { EmbeddedBroker } from "../../src/transport/embedded-broker";
import type { Transport } from "../../src/transport/transport";
import { testConfig, testFolder } from "./support";

const caller = { name: null, types: null, remote: null, traceparent: null };

export interface BenchOptions {
  manager?: Partial<Config["manager"]>;
  /** Where the tasks are kept; SQLite in the bench's own folder if left out. */
  databaseUri?: string;
  /** Where managers reach the same database; like the API if left out. */
  managersDatabaseUri?: string;
  /** How long a manager's call may take. */
  deadlineMs?: number;
}

/**
 * The real store, the embedded transport and the API's background work, for managers to be started at. Each manager has a
 * transport of its own to the shared broker, so that it can go away alone.
 */
export class ManagerHarness {
  readonly folder = testFolder();
  readonly config: Config;
  readonly broker = new EmbeddedBroker();
  readonly transport = createEmbeddedTransport({ log: silentLog, broker: this.broker });
  readonly managers: Array<RunningManager & { transport: Transport }> = [];
  store!: Store;
  managerStore!: ManagerStore;
  private stores: Store[] = [];
  private tasks!: RunningTasks;

  constructor(types: TaskTypeConfig[], options: BenchOptions = {}) {
    this.config = testConfig(this.folder, types, options.manager);
    mkdirSync(this.config.handlersDir);
  }

  static async open(types: TaskTypeConfig[], options: BenchOptions = {}): Promise<ManagerHarness> {
    const bench = new ManagerHarness(types, options);
    const { databaseUri = bench.config.database.uri, managersDatabaseUri, deadlineMs = 5000 } = options;
    const openAt = async (uri: string, ms: number) => {
      const store = await openStore({ uri, poolSize: 4, deadlineMs: ms, tls: null, log: silentLog });
      bench.stores.push(store);
      return store;
    };
    bench.store = await openAt(databaseUri, 5000);
    await bench.store.migrate();
    bench.managerStore = (managersDatabaseUri ? await openAt(managersDatabaseUri, deadlineMs) : bench.store).managers;
    await bench.transport.open(1000);
    const { config, store, transport } = bench;
    bench.tasks = assembleTasks({ config, store, transport, log: silentLog });
    await bench.tasks.start();
    return bench;
  }

  /** Writes `handlers/<name>.cjs`. */
  handler(name: string, source: string): void {
    writeFileSync(join(this.config.handlersDir, `${name}.cjs`), source);
  }

  async manager(
    endpoint: string,
    more: {
      functions?: Record<string, HandleTask>;
      pace?: Partial<Pace>;
      slot?: string;
      store?: ManagerStore;
      opened?: boolean;
    } = {},
  ): Promise<RunningManager & { transport: Transport }> {
    const transport = createEmbeddedTransport({ log: silentLog, broker: this.broker });
    if (more.opened !== false) await transport.open(1000);
    const slot = more.slot ?? this.config.manager.slot;
    const manager = await startManager({
      endpoint,
      config: { ...this.config, manager: { ...this.config.manager, slot } },
      store: more.store ?? this.managerStore,
      transport,
      log: silentLog,
      functions: more.functions,
      // No wait after a predecessor: it may still be there, and is to find nothing to take meanwhile.
      pace: { sweepMs: 50, flushMs: 20, reclaimMs: 0, ...more.pace },
    });
    const running = { ...manager, transport };
    this.managers.push(running);
    if (more.opened !== false) await manager.ready;
    return running;
  }

  async submit(type: string, request: Record<string, unknown> = {}): Promise<string> {
    const { reading } = await this.tasks.service.submit(type, { identifier: newId(), ...request }, caller);
    return reading.task.id;
  }

  /** The task's responses once nothing is under way any more. */
  async settled(type: string, id: string): Promise<ResponseRecord[]> {
    const reading = await this.tasks.service.wait(type, id, 25_000);
    if (!reading.state.settled) throw new Error(`not settled: ${JSON.stringify(reading.responses)}`);
    return reading.responses;
  }

  async responses(type: string, id: string): Promise<ResponseRecord[]> {
    return (await this.tasks.service.read(type, id)).responses;
  }

  attempts(id: string, endpoint: string): Promise<AttemptRecord[]> {
    return this.store.tasks.attempts(id, endpoint);
  }

  async retry(type: string, id: string, endpoints: string[]): Promise<void> {
    await this.tasks.service.retry(type, id, { endpoints }, caller);
  }

  async cancel(type: string, id: string): Promise<void> {
    await this.tasks.service.cancel(type, id, caller);
  }

  async close(): Promise<void> {
    await Promise.all(this.managers.map((manager) => manager.stopNow()));
    await this.tasks.stop();
    for (const { transport } of this.managers) await transport.close(1000);
    await this.transport.close(1000);
    for (const store of this.stores) await store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A handler that counts its runs and waits inside until it is let go. */
export class Gate {
  runs: Array<{ taskId: string; endpoint: string; attempt: number; signal: AbortSignal }> = [];
  private open = false;
  private changed: Array<() => void> = [];
  readonly handle: HandleTask = async (_payload, context) => {
    this.runs.push(context);
    this.stir();
    while (!this.open) await this.change();
    return { attempt: context.attempt };
  };

  letGo(): void {
    this.open = true;
    this.stir();
  }

  async entered(runs = 1): Promise<void> {
    while (this.runs.length < runs) await this.change();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.changed.push(resolve));
  }

  private stir(): void {
    for (const resolve of this.changed.splice(0)) resolve();
  }
}
