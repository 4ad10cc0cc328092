import { until } from "../support/until";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { resumed } from "./support/recovery";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { lean, Stage } from "./support/stage";

jest.setTimeout(180_000);

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
    await client.burst(lean(100, 400), ["a", "b", "c"]);
    const verdict = await check(stage, client);
    report("no fault", 0, verdict);
    expect(verdict).toMatchObject({
      ...CLEAN,
      repeated: 0,
      accepted: lean(100, 400),
      byStatus: { succeeded: 3 * lean(100, 400) },
    });
  });

  test("F1: the API killed between commit and publish, then between publish and confirm, loses nothing it answered", async () => {
    stage = await Stage.create(on);
    const client = new Client(stage);
    const managers = [stage.manager("a"), stage.manager("b")];
    for (const point of ["after-commit", "before-publish", "after-publish"]) {
      const api = await stage.api({ TASKER_TEST_KILL: `${point}:25` });
      await Promise.all(managers);
      await client.burst(50, ["a", "b"], {}, 4);
      await api.exited;
    }
    await stage.api();
    const verdict = await check(stage, client);
    report("F1", 3, verdict);
    expect(verdict).toMatchObject(CLEAN);
    expect(verdict.accepted).toBeGreaterThanOrEqual(60);
  });

  test("F2: managers killed in the middle of a handler, one of three and then all three, run it again at once", async () => {
    stage = await Stage.create(on);
    const names = ["a", "b", "c"];
    const [, ...managers] = await Promise.all([stage.api(), ...names.map((name) => stage.manager(name))]);
    const client = new Client(stage);
    // Long beside the moment between a handler's end and its commit, in which a kill makes it run again, too.
    await client.burst(20, names, { ms: 1500 });
    const isRunning = (name: string) => {
      const entries = stage.journal().filter(({ endpoint }) => endpoint === name);
      return (
        entries.filter(({ what }) => what === "start").length > entries.filter(({ what }) => what === "end").length
      );
    };
    await until("a handler runs", () => isRunning("a"));
    await stage.kill(managers[0]!);
    await stage.manager("a");
    const one = stage.backAt("a");
    const again = () => stage.journal().some((entry) => entry.endpoint === "a" && entry.attempt === 2);
    await until("interrupted work runs again", again, 20_000);
    await Promise.all(managers.slice(1).map((manager) => stage.kill(manager)));
    await Promise.all(names.slice(1).map((name) => stage.manager(name)));
    const verdict = await check(stage, client);
    const times = [one, stage.backAt("b"), stage.backAt("c")];
    report(
      "F2",
      3,
      verdict,
      names.map((name, i) => resumed(stage, name, times[i]!, 2)),
    );
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 60 } });
  });

  test("F2: a manager that never comes back is noticed within its time to live", async () => {
    stage = await Stage.create(on);
    const [, lost] = await Promise.all([
      stage.api(),
      stage.manager("a"),
      stage.manager("a", { TASKER_TEST_SLOT: "1" }),
    ]);
    const client = new Client(stage);
    await client.burst(6, ["a"], { ms: 1500 }, 6);
    await until("handlers run", () => stage.started() >= 6);
    await stage.kill(lost!);
    const verdict = await check(stage, client);
    // The time to live is 4 s; once a second somebody looks.
    report("F2 never back", 1, verdict, [resumed(stage, "a", stage.healedAt, 6)]);
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: 6 } });
  });
});
