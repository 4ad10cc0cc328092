import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { report } from "../support/report";
import { manage, type Servers, servers } from "../support/servers";
import { Stage } from "../support/stage";

jest.setTimeout(240_000);

describe("parts that come up in any order and in any version", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test.each([
    ["manager first", ["manager", "api"]],
    ["API first", ["api", "manager"]],
    ["broker last", ["api", "manager", "broker"]],
    ["database last", ["api", "manager", "database"]],
    ["broker and database last", ["manager", "api", "database", "broker"]],
  ])("F20: cold start, %s", async (name, order) => {
    stage = await Stage.create(on);
    if (order.includes("broker")) stage.brokerProxy.set({ mode: "rst" });
    if (order.includes("database")) stage.databaseProxy.set({ mode: "blackhole" });
    const ready = async () => (await stage.ask("GET", "/readyz")).status === 200;
    for (const part of order) {
      if (part === "manager") await stage.manager("a", {}, { wait: false });
      if (part === "api") await stage.api({}, { wait: false });
      if (part === "broker") stage.brokerProxy.set({ mode: "pass" });
      if (part === "database") stage.databaseProxy.set({ mode: "pass" });
      await sleep(8000);
      if (part === "api" && order.length > 2) expect(await ready()).toBe(false);
    }
    await Promise.all(stage.programs.map((program) => program.ready()));
    expect(await ready()).toBe(true);
    const client = new Client(stage);
    await client.burst(10, ["a"]);
    const verdict = await check(stage, client);
    report(`F20 ${name}`, 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 10 } });
  });

  test("F27: several processes that bring up an empty database at once get along", async () => {
    stage = await Stage.create(on);
    const two = [stage.manager("a"), stage.manager("b"), stage.manager("c")];
    await Promise.all([stage.api(), ...two]);
    const client = new Client(stage);
    await client.burst(10, ["a", "b", "c"]);
    const verdict = await check(stage, client);
    report("F27 migrations", 0, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 30 } });
  });

  test("F27: a message of an unknown version is parked with its reason, and its task still runs", async () => {
    stage = await Stage.create(on);
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    const bodies = [
      JSON.stringify({ v: 99, type: "work", tasks: [{ id: randomUUID() }] }),
      "not JSON",
      JSON.stringify({ v: 1, type: "work", tasks: [{ id: randomUUID(), new_field: 1 }], later: true }),
    ];
    for (const payload of bodies) {
      const message = { properties: {}, routing_key: "tasker.work.a", payload, payload_encoding: "string" };
      await manage(on.broker, "POST", `exchanges/${stage.name}/amq.default/publish`, message);
    }
    await client.burst(10, ["a"]);
    const verdict = await check(stage, client);
    report("F27 messages", bodies.length, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 10 } });
    // The last one is of our version with more in it, and of a task that is unknown: read, and acked.
    expect(manager!.logged("parked a message")).toHaveLength(2);
    expect(await stage.queue("a")).toEqual({ messages: 0, consumers: 1 });
  });
});
