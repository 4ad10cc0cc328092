import { until } from "../support/until";
import { check, report, type Verdict } from "./support/checker";
import { Client } from "./support/client";
import { type Servers, Stage, servers } from "./support/stage";

jest.setTimeout(180_000);

const CLEAN: Partial<Verdict> = { lost: 0, executedTwice: 0, terminalTwice: 0, unrecorded: 0 };

describe("processes killed in the middle of things", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("without a fault everything runs exactly once", async () => {
    stage = await Stage.create(on);
    await Promise.all([stage.api(), stage.manager("a"), stage.manager("b"), stage.manager("c")]);
    const client = new Client(stage);
    await client.burst(200, ["a", "b", "c"]);
    const verdict = await check(stage, client);
    report("no fault", 0, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, accepted: 200, byStatus: { succeeded: 600 } });
  });

  test.each(["after-commit", "after-publish"])(
    "F1: the API killed %s loses nothing that was answered",
    async (point) => {
      stage = await Stage.create(on);
      const api = await stage.api({ TASKER_TEST_KILL: `${point}:25` });
      await Promise.all([stage.manager("a"), stage.manager("b")]);
      const client = new Client(stage);
      await client.burst(50, ["a", "b"], {}, 4);
      await api.exited;
      await stage.api();
      await client.burst(20, ["a", "b"], {}, 4);
      const verdict = await check(stage, client);
      report(`F1 ${point}`, 1, verdict);
      expect(verdict).toMatchObject(CLEAN);
      expect(verdict.accepted).toBeGreaterThanOrEqual(40);
    },
  );

  test("F2: managers killed in the middle of a handler, one of three and then all three", async () => {
    stage = await Stage.create(on);
    const names = ["a", "b", "c"];
    const [, ...managers] = await Promise.all([stage.api(), ...names.map((name) => stage.manager(name))]);
    const client = new Client(stage);
    await client.burst(30, names, { ms: 300 });
    await until("the handlers run", () => stage.journal().filter((e) => e.what === "start").length >= 12);
    await managers[0]!.kill();
    await stage.manager("a");
    await Promise.all(managers.slice(1).map((manager) => manager.kill()));
    await Promise.all(names.slice(1).map((name) => stage.manager(name)));
    const verdict = await check(stage, client);
    report("F2", 3, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 90 } });
  });

  test.each([
    ["after-handler", 1],
    ["after-finish-commit", 0],
    ["before-ack", 0],
  ])(
    "F3: a manager killed %s leaves one final response, and runs again only if nothing was stored",
    async (point, touched) => {
      stage = await Stage.create(on, { work: { concurrency: 1 } });
      const [, manager] = await Promise.all([stage.api(), stage.manager("a", { TASKER_TEST_KILL: `${point}:5` })]);
      const client = new Client(stage);
      await client.burst(20, ["a"]);
      await manager.exited;
      await stage.manager("a");
      const verdict = await check(stage, client, { touched });
      report(`F3 ${point}`, 1, verdict);
      expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 20 } });
    },
  );
});
