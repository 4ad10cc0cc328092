import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until";
import { CLEAN, check, over } from "./support/checker";
import { Client } from "./support/client";
import { longestWithoutBroker, throughput, throughputAgain } from "./support/recovery";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { isFull, lean, Stage } from "./support/stage";

jest.setTimeout(240_000);

describe("a broker that restarts and dies", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F5: a graceful restart and connections closed again and again leave one consumer a queue and no channel too many", async () => {
    stage = await Stage.create(on);
    await Promise.all([stage.api(), stage.manager("a"), stage.manager("b")]);
    const client = new Client(stage);
    await client.burst(5, ["a", "b"]);
    const channels = () => on.broker.ctl("list_channels", "pid").split("\n").length;
    const before = channels();
    const load = client.load(20, ["a", "b"]);
    await stage.during("the broker restarts", async () => {
      await on.broker.stop();
      await on.broker.start();
    });
    const restart = await over(stage, client, ["a", "b"], 5);
    const rounds = lean(4, 20);
    const closing = Date.now();
    for (let i = 0; i < rounds; i++) {
      await stage.during("connections closed", async () =>
        on.broker.ctl("close_all_connections", "--vhost", stage.name, "test"),
      );
    }
    await load.stop();
    const verdict = await check(stage, client);
    report("F5", 1 + rounds, verdict, [restart, longestWithoutBroker(stage, closing, 2)]);
    expect(verdict).toMatchObject(CLEAN);
    for (const endpoint of ["a", "b"]) {
      await until("one consumer", async () => (await stage.queue(endpoint)).consumers === 1, 15_000);
    }
    // A connection keeps up to eight channels for declarations; which of them are open is chance.
    expect(channels()).toBeLessThanOrEqual(before + 10);
  });

  test("F6: with the broker killed under load the API takes tasks up to the outbox's limit, and all are published later", async () => {
    stage = await Stage.create(on, { more: { api: { outbox_limit: 150 } } });
    await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    const load = client.load(lean(100, 500), ["a"]);
    await sleep(lean(1000, 7000));
    const before = throughput(stage, Date.now() - lean(1000, 5000), Date.now());
    const fault = stage.mark("the broker is down");
    await on.broker.kill();
    const then = client.log.length;
    await until("the outbox is full", () => client.log.some((entry) => entry.code === "overloaded"), 30_000);
    await sleep(lean(1000, 10_000));
    const meanwhile = client.log.slice(then).filter((entry) => entry.status !== 0);
    await on.broker.start();
    fault.over();
    await until("tasks are taken again", async () => (await client.submit(["a"])).status === 202, 30_000);
    const again = isFull ? [await throughputAgain(stage, before)] : [];
    await load.stop();
    const verdict = await check(stage, client);
    report("F6", 1, verdict, [{ what: "over after", value: verdict.recoveryMs / 1000, most: 5 }, ...again]);
    expect(verdict).toMatchObject(CLEAN);
    expect(new Set(meanwhile.map((entry) => entry.status))).toEqual(new Set([202, 503]));
  });
});
