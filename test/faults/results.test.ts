import { existsSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { Stage } from "./support/stage";

jest.setTimeout(180_000);

describe("managers killed around the storing of a result", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F3: a manager killed before its result is stored runs it again, killed after that it does not", async () => {
    // What was interrupted runs again first, so one task may meet all four kills: more than its usual three attempts.
    stage = await Stage.create(on, { work: { concurrency: 2, attempts: 10 } });
    await stage.api();
    const client = new Client(stage);
    const points = ["after-handler", "before-finish-commit", "after-finish-commit", "before-ack"];
    for (const point of points) {
      const manager = await stage.manager("a", { TASKER_TEST_KILL: `${point}:4` });
      await client.burst(12, ["a"], {}, 4);
      await manager.exited;
    }
    await stage.manager("a");
    const verdict = await check(stage, client);
    report("F3", 4, verdict);
    // A request whose connection broke was not answered: it may be stored or not, and it is not among the accepted.
    expect(verdict).toMatchObject(CLEAN);
    expect(verdict.byStatus.succeeded).toBeGreaterThanOrEqual(client.accepted.length);
  });

  test("F3: what a handler process begins before it notices that its manager was killed runs again, and is kept for nobody", async () => {
    stage = await Stage.create(on);
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    // Its handler process is there from now on.
    await client.submit(["a"]);
    await check(stage, client);
    await client.submit(["a"], { orphaned: true });
    await until("its handler process has it", () => existsSync(join(stage.dir, "journal.begun")));
    await stage.kill(manager!);
    await until("it has ended without its manager", () => stage.journal().length === 4);
    await stage.manager("a");
    const verdict = await check(stage, client);
    report("F3 orphaned", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 1, byStatus: { succeeded: 2 } });
  });
});
