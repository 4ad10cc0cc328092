import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../support/until";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { flowsAgain } from "../support/recovery";
import { report } from "../support/report";
import { freeze, makeVhost, manage, type Servers, servers } from "../support/servers";
import { Stage } from "../support/stage";

jest.setTimeout(300_000);

describe("a broker that freezes, forgets and differs", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F14: a broker frozen for 45 s, and one frozen before the handshake, are left and found again", async () => {
    stage = await Stage.create(on);
    const [api] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    const load = client.load(10, ["a"]);
    await sleep(1000);
    const fault = stage.mark("the broker is frozen");
    const thaw = freeze(on.broker);
    const late = await stage.manager("b", {}, { wait: false });
    await sleep(20_000);
    const early = api!.footprint().fds;
    await sleep(25_000);
    const during = api!.footprint().fds;
    thaw();
    fault.over();
    const { healedAt } = stage;
    await until("work runs again", () => stage.journal().some(({ at }) => at > healedAt), 60_000);
    const thawed = flowsAgain(stage, "a", 5);
    await late.ready();
    await client.burst(10, ["a", "b"]);
    await load.stop();
    const verdict = await check(stage, client);
    report("F14", 2, verdict, [thawed]);
    expect(verdict).toMatchObject(CLEAN);
    expect(client.statuses).toEqual({ 202: client.log.length });
    expect(during).toBeLessThan(early + 10);
  });

  test("F17: a broker that comes back without any data is given its queues and messages again", async () => {
    stage = await Stage.create(on);
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(20, ["a", "b"], { ms: 100 });
    await stage.kill(manager!);
    await client.burst(20, ["a", "b"]);
    const fault = stage.mark("the broker loses everything");
    await on.broker.stop();
    await rm(join(on.dir, "broker", "data"), { recursive: true, force: true });
    await on.broker.start();
    await makeVhost(on.broker, stage.name);
    fault.over();
    await Promise.all([stage.manager("a"), stage.manager("b")]);
    await client.burst(20, ["a", "b"]);
    const verdict = await check(stage, client, { withinMs: 90_000 });
    report("F17", 2, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 120 } });
  });

  test("F18: with the broker's answers held back for 30 s nothing piles up and nothing is published again and again", async () => {
    stage = await Stage.create(on);
    const [api] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(50, ["a"]);
    await check(stage, client);
    const before = api!.footprint();
    const fault = stage.mark("answers of the broker are held back");
    stage.brokerProxy.set({ mode: "blackhole", direction: "toClient" });
    const load = client.load(30, ["a"]);
    await sleep(30_000);
    await load.stop();
    const during = api!.footprint();
    const { messages } = await stage.queue("a");
    stage.brokerProxy.set({ mode: "pass" });
    fault.over();
    const verdict = await check(stage, client);
    report("F18", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: client.accepted.length } });
    expect(messages).toBeLessThanOrEqual(2 * client.accepted.length);
    expect(during.fds).toBeLessThan(before.fds + 20);
    expect(during.rss).toBeLessThan(before.rss + 150 * 1024 * 1024);
  });

  test("F19: a queue that is there with other arguments is used as it is, with one warning", async () => {
    stage = await Stage.create(on, { types: { other: { handler: "work" } } });
    const queue = {
      durable: true,
      auto_delete: false,
      arguments: { "x-message-ttl": 3_600_000, "x-queue-type": "quorum" },
    };
    await manage(on.broker, "PUT", `queues/${stage.name}/tasker.work.a`, queue);
    const processes = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(20, ["a"]);
    for (let i = 0; i < 10; i++) await client.submit(["a"], {}, {}, "other");
    const verdict = await check(stage, client);
    report("F19", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 30 } });
    // The API declares the queue; the manager finds it.
    const logged = processes.flatMap((one) => one.logged("tasker.work.a"));
    const warnings = logged.filter((line) => /"level":(40|50|"warn"|"error")/.test(line));
    expect(warnings).toHaveLength(1);
  });

  test("F25: what a delivery limit takes off its queue is driven to its end by the database", async () => {
    stage = await Stage.create(on, { work: { attempts: 6 }, more: { broker: { queue_type: "quorum" } } });
    await manage(on.broker, "PUT", `policies/${stage.name}/limit`, {
      pattern: "^tasker\\.",
      definition: { "delivery-limit": 2 },
      "apply-to": "queues",
    });
    await stage.api();
    const client = new Client(stage);
    let manager = await stage.manager("a");
    await client.burst(2, ["a"], { ms: 1500 });
    for (let round = 1; round <= 3; round++) {
      await until("it runs", () => stage.started() >= 2 * round, 30_000);
      await stage.kill(manager);
      manager = await stage.manager("a");
    }
    const verdict = await check(stage, client);
    report("F25", 3, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 2 } });
  });
});
