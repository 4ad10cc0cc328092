import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { lean, Stage } from "./support/stage";

jest.setTimeout(180_000);

/** The faults again where attempts begin before their claim. */
describe("with claim: late", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F3: a manager killed in a handler, before its result is stored or after that loses nothing and ends nothing twice", async () => {
    stage = await Stage.create(on, { work: { concurrency: 2, attempts: 10, claim: "late" } });
    await stage.api();
    const client = new Client(stage);
    for (const point of ["after-handler", "before-finish-commit", "after-finish-commit", "before-ack"]) {
      const manager = await stage.manager("a", { TASKER_TEST_KILL: `${point}:4` });
      await client.burst(12, ["a"], {}, 4);
      await manager.exited;
    }
    const manager = await stage.manager("a");
    await client.burst(8, ["a"], { ms: 300 }, 4);
    await until("handlers run", () => stage.journal().some(({ what, pid }) => what === "start" && pid !== manager.pid));
    await stage.kill(manager);
    await stage.manager("a");
    const verdict = await check(stage, client, { late: true });
    report("F3 late", 5, verdict);
    expect(verdict).toMatchObject(CLEAN);
    expect(verdict.byStatus.succeeded).toBeGreaterThanOrEqual(client.accepted.length);
  });

  test("F4 and F6: with the broker and then the database killed under load everything is done, and nothing twice without a fault", async () => {
    stage = await Stage.create(on, { work: { claim: "late" } });
    await Promise.all([stage.api(), stage.manager("a"), stage.manager("b")]);
    const client = new Client(stage);
    await client.burst(lean(40, 200), ["a", "b"]);
    const undisturbed = await check(stage, client, { late: true });
    expect(undisturbed).toMatchObject({ ...CLEAN, repeated: 0 });
    const load = client.load(40, ["a", "b"], { ms: 20 });
    await sleep(lean(1000, 5000));
    for (const [what, server] of [
      ["the broker is down", on.broker],
      ["the database is down", on.database],
    ] as const) {
      const fault = stage.mark(what);
      await server.kill();
      await sleep(lean(1500, 8000));
      await server.start();
      fault.over();
      await until("tasks are taken again", async () => (await client.submit(["a"])).status === 202, 15_000);
    }
    await load.stop();
    const verdict = await check(stage, client, { late: true });
    report("F4, F6 late", 2, verdict);
    expect(verdict).toMatchObject(CLEAN);
  });
});
