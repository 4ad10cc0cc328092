import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { lean, Stage } from "./support/stage";

jest.setTimeout(240_000);

describe("processes that come late and go early", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F9: an endpoint that has never been there gets its tasks when it comes, and is reported as missing until then", async () => {
    stage = await Stage.create(on, { work: { wait_for_endpoints_timeout: "2s" } });
    await Promise.all([stage.api(), stage.manager("a"), stage.manager("b")]);
    const client = new Client(stage);
    await client.burst(20, ["a", "b", "c"]);
    const first = await check(stage, client, { down: ["c"] });
    const state = async () => (await stage.ask("GET", `/work/${client.log[0]!.taskId}`)).body;
    expect((await state()).completeness).toMatchObject({ complete: false, missing: ["c"] });
    await until("its wait is over", async () => (await state()).status === "incomplete", 10_000);
    await sleep(lean(0, 55_000));
    await stage.manager("c");
    const verdict = await check(stage, client);
    report("F9", 1, verdict);
    expect(first).toMatchObject({ ...CLEAN, byStatus: { succeeded: 40, expected: 20 } });
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 60 } });
  });

  test.each([
    ["classic", "SIGINT to the whole tree, SIGKILL 1.6 s later"],
    ["quorum", "SIGINT to the whole tree, SIGKILL 1.6 s later"],
    ["quorum", "SIGTERM"],
    ["classic", "SIGTERM twice"],
  ])("F10: with a %s queue, %s: what ran is given back, never failed, and runs elsewhere", async (queue_type, how) => {
    const command = [process.execPath, join(__dirname, "support", "command-journal.cjs")];
    stage = await Stage.create(on, {
      types: { cmd: { command, env: ["TASKER_TEST_JOURNAL"], concurrency: 2 } },
      more: { broker: { queue_type }, manager: { drain_timeout: "1s" } },
    });
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    const long = lean(4000, 10_000);
    for (let i = 0; i < 4; i++) await client.submit(["a"], { ms: long });
    for (let i = 0; i < 2; i++) await client.submit(["a"], { ms: long }, {}, "cmd");
    await until("all slots are taken", () => stage.started() === 6, 20_000);
    await client.burst(lean(100, 500), ["a"]);
    stage.mark(how, "a");
    manager!.signal(how.startsWith("SIGINT") ? "SIGINT" : "SIGTERM", how.includes("tree"));
    if (how.endsWith("twice")) manager!.signal("SIGTERM");
    const kill = how.includes("SIGKILL") ? setTimeout(() => manager!.signal("SIGKILL", true), 1600) : undefined;
    const exit = await manager!.exited;
    clearTimeout(kill);
    await stage.manager("a");
    const verdict = await check(stage, client);
    report(`F10 ${queue_type}, ${how}`, 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: lean(100, 500) + 6 } });
    expect(manager!.logged("Unknown consumer")).toEqual([]);
    if (!how.includes("SIGKILL")) expect(exit).toEqual({ code: 0, signal: null });
  });
});
