import { CLEAN, check, report } from "../support/checker";
import { Client } from "../support/client";
import { type Servers, servers } from "../support/servers";
import { Stage } from "../support/stage";

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
    stage = await Stage.create(on, { work: { concurrency: 2 } });
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
});
