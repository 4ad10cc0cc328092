import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readSpool } from "../../src/manager/attempts/spool";
import { TcpProxy } from "../support/proxy";
import { createDatabase, type Scratch } from "../support/services";
import { until } from "../support/until";
import { Gate, ManagerHarness } from "./harness";
import { typeConfig } from "./support";

const here = { endpoints: ["here"] };

let database: Scratch;
let proxy: TcpProxy;
let bench: ManagerHarness;

/** The API reaches MariaDB directly, managers by way of a proxy that can be cut. */
beforeEach(async () => {
  database = await createDatabase("manager");
  proxy = await TcpProxy.to(database.uri);
  bench = await ManagerHarness.open([typeConfig("work", { attempts: 1 })], {
    databaseUri: database.uri,
    managersDatabaseUri: proxy.through(database.uri),
    deadlineMs: 1000,
    manager: { ttlMs: 30_000 },
  });
});

afterEach(async () => {
  await bench.close();
  await proxy.close();
  await database.drop();
});

const spoolFiles = () => {
  const folder = join(bench.config.manager.spoolDir, "here");
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
};

test.each(["rst", "blackhole"] as const)(
  "work that ends while the database is away (%s) is kept and committed on its return, and runs once",
  async (mode) => {
    const gate = new Gate();
    const manager = await bench.manager("here", { functions: { work: gate.handle }, pace: { spoolAfterMs: 100 } });
    const id = await bench.submit("work", here);
    await gate.entered();
    proxy.set({ mode });
    gate.letGo();
    await until("it is in the spool", () => manager.state().spooled === 1);
    expect((await readSpool(spoolFiles()[0]!)).ends).toMatchObject([{ taskId: id, status: "succeeded" }]);
    // What comes meanwhile waits; nothing runs without a claim.
    const later = await bench.submit("work", here);
    expect(gate.runs).toHaveLength(1);
    proxy.set({ mode: "pass" });
    expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
    expect(await bench.settled("work", later)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
    expect(gate.runs).toHaveLength(2);
    await manager.drain(1000);
    expect(spoolFiles()).toEqual([]);
  },
);

test("what a stopped manager could not commit is committed by the next one, under the old lease", async () => {
  const gate = new Gate();
  const first = await bench.manager("here", { functions: { work: gate.handle }, pace: { spoolAfterMs: 100 } });
  const id = await bench.submit("work", here);
  await gate.entered();
  proxy.set({ mode: "rst" });
  gate.letGo();
  await until("it is in the spool", () => first.state().spooled === 1);
  await first.stopNow();
  expect(spoolFiles()).toHaveLength(1);
  expect(await bench.responses("work", id)).toMatchObject([{ status: "running" }]);

  const second = bench.manager("here", { functions: { work: gate.handle } });
  proxy.set({ mode: "pass" });
  const manager = await second;
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(manager.state()).toMatchObject({ replayed: 1, granted: 0 });
  expect(gate.runs).toHaveLength(1);
  expect(spoolFiles()).toEqual([]);
});

test("an answer to a claim that got lost leaves nothing running that nobody runs", async () => {
  const gate = new Gate();
  gate.letGo();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const warm = await bench.submit("work", here);
  await bench.settled("work", warm);
  const connections = proxy.accepted;
  // The statement itself has travelled before; of its values only a claim names the type.
  proxy.set({ mode: "cutAnswer", to: "work" });
  const id = await bench.submit("work", here);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(gate.runs.map((run) => run.taskId)).toEqual([warm, id]);
  expect(proxy.accepted).toBeGreaterThan(connections);
  expect(manager.state().granted).toBe(2);
});

test("an answer to a finish that got lost is asked for again, and the result stands once", async () => {
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const id = await bench.submit("work", here);
  await gate.entered();
  const connections = proxy.accepted;
  proxy.set({ mode: "cutAnswer", to: "succeeded" });
  gate.letGo();
  await until("it is settled here", () => manager.state().succeeded === 1);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(await bench.attempts(id, "here")).toEqual([]);
  expect(manager.state().superseded).toBe(0);
  expect(proxy.accepted).toBeGreaterThan(connections);
});

test("a manager may start before its database and its broker", async () => {
  proxy.set({ mode: "rst" });
  const manager = await bench.manager("here", { functions: { work: () => 1 }, opened: false });
  const id = await bench.submit("work", here);
  expect(manager.state().managerId).toBeNull();
  proxy.set({ mode: "pass" });
  await until("it is registered", () => manager.state().managerId);
  await manager.transport.open(1000);
  await manager.ready;
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded" }]);
});
