import { setTimeout as sleep } from "node:timers/promises";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { longestWait } from "../support/recovery";
import { report } from "../support/report";
import { type Servers, servers } from "../support/servers";
import { Stage } from "../support/stage";

jest.setTimeout(240_000);

describe("handlers that kill their process, and managers that are replaced", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test.each([
    ["exit(1)", { exit: 1 }, "exit_code"],
    ["SIGSEGV", { signal: "SIGSEGV" }, "signal"],
    ["out of memory", { oom: true }, "out_of_memory"],
  ])(
    "F13: poison that ends its process by %s fails for good, and its neighbours notice nothing",
    async (how, payload, reason) => {
      stage = await Stage.create(on);
      await Promise.all([stage.api(), stage.manager("a", { NODE_OPTIONS: "--max-old-space-size=80" })]);
      const client = new Client(stage);
      const [poison] = await Promise.all([client.submit(["a"], payload), client.burst(20, ["a"], { ms: 100 })]);
      const verdict = await check(stage, client, { withinMs: 90_000 });
      report(`F13 ${how}`, 1, verdict);
      expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 20, failed: 1 } });
      const attempts = await stage.rows<{ status: string; attempt: number }>(
        "SELECT status, attempt FROM task_responses",
      );
      expect(attempts.filter((row) => row.status === "succeeded" && row.attempt !== 1)).toEqual([]);
      const { body } = await stage.ask("GET", `/work/${poison.taskId}/responses/a`);
      expect(body).toMatchObject({ status: "failed", reason, attempt: 3, attempts: 3 });
    },
  );

  test("F16: two managers of one endpoint, restarted in turn under load, run nothing twice", async () => {
    stage = await Stage.create(on);
    let [, ...managers] = await Promise.all([
      stage.api(),
      stage.manager("a"),
      stage.manager("a", { TASKER_TEST_SLOT: "1" }),
    ]);
    const client = new Client(stage);
    const load = client.load(25, ["a"], { ms: 60 });
    const rounds = 6;
    for (let i = 0; i < rounds; i++) {
      await sleep(3000);
      const [old, other] = managers;
      expect(await old!.stop()).toEqual({ code: 0, signal: null });
      managers = [other!, await stage.manager("a", { TASKER_TEST_SLOT: String(i % 2) })];
    }
    await load.stop();
    const verdict = await check(stage, client);
    report("F16", rounds, verdict, [longestWait(stage, client, 2)]);
    // No fault explains anything here: nothing may have come to its end twice.
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: client.accepted.length } });
  });
});
