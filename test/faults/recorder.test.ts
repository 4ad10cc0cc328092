import { until } from "../support/until";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { lean, Stage } from "./support/stage";

jest.setTimeout(240_000);

/** The places to die on the way to the recorder, for managers that know the broker alone. */
const REMOTE = { more: { manager: { report: "broker" } } };

describe("managers that report over the broker", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  const queued = async () => {
    const rows = on.broker.ctl("list_queues", "--vhost", stage.name, "name", "messages").split("\n");
    return Number(rows.find((row) => row.startsWith("tasker.:reports"))?.split(/\s+/)[1] ?? 0);
  };

  /** What ran at `a` has ended, and the broker has what was reported of it. */
  const reported = async () => {
    await until("the deliveries are acked", async () => (await stage.queue("a")).messages === 0, 30_000);
    expect(await queued()).toBeGreaterThan(0);
  };

  test("without a fault everything runs exactly once", async () => {
    stage = await Stage.create(on, REMOTE);
    await Promise.all([stage.api(), ...["a", "b", "c"].map((name) => stage.manager(name))]);
    const client = new Client(stage);
    await client.burst(lean(100, 400), ["a", "b", "c"]);
    const verdict = await check(stage, client);
    report("no fault, reports", 0, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 3 * lean(100, 400) } });
  });

  test("a manager killed before its report runs again; killed after the confirm, what it reported stands", async () => {
    stage = await Stage.create(on, REMOTE);
    await stage.api();
    const client = new Client(stage);
    for (const point of ["before-report", "after-report"]) {
      const manager = await stage.manager("a", { TASKER_TEST_KILL: `${point}:5` });
      await client.burst(20, ["a"]);
      await manager.exited;
    }
    await stage.manager("a");
    const verdict = await check(stage, client);
    report("R1", 2, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, byStatus: { succeeded: client.accepted.length } });
  });

  test("a recorder killed before its commit and after it leaves its reports to the next", async () => {
    stage = await Stage.create(on, REMOTE);
    const client = new Client(stage);
    const managers = [stage.manager("a"), stage.manager("b")];
    for (const point of ["before-record", "after-record"]) {
      const api = await stage.api({ TASKER_TEST_KILL: `${point}:4` });
      await Promise.all(managers);
      await client.burst(30, ["a", "b"], {}, 4);
      await api.exited;
    }
    await stage.api();
    const verdict = await check(stage, client);
    report("R2", 2, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0 });
  });

  test("with the database away the queue keeps the reports, and nothing runs twice", async () => {
    stage = await Stage.create(on, REMOTE);
    await Promise.all([stage.api(), stage.manager("a"), stage.manager("b")]);
    const client = new Client(stage);
    await client.burst(8, ["a", "b"], { ms: 1500 });
    await until("the handlers run", () => stage.started() >= 8);
    await stage.during("the database is away", async () => {
      await on.database.kill();
      await until("reports wait", async () => (await queued()) > 0, 30_000);
      await on.database.start();
    });
    const verdict = await check(stage, client);
    report("R3", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 16 } });
  });

  test("a manager that left while its reports wait is not taken for one that lost them", async () => {
    stage = await Stage.create(on, REMOTE);
    const [api, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(4, ["a"], { ms: 1000 });
    await until("the handlers run", () => stage.started() >= 4);
    await stage.kill(api);
    await reported();
    await stage.kill(manager);
    await Promise.all([stage.api(), stage.manager("a")]);
    const verdict = await check(stage, client);
    report("R4", 2, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 4 } });
  });

  test("what a frozen recorder holds is not attempted again, although its manager is gone", async () => {
    stage = await Stage.create(on, { more: { ...REMOTE.more, broker: { heartbeat: 3 } } });
    const frozen = await stage.api();
    const [, manager] = await Promise.all([stage.api({ TASKER_TEST_PORT: "0" }), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(4, ["a"], { ms: 1000 });
    await until("the handlers run", () => stage.started() >= 4);
    frozen.signal("SIGSTOP");
    const fault = stage.mark("SIGSTOP api");
    await reported();
    await stage.kill(manager);
    await stage.manager("a");
    await until("the reports are recorded", async () => (await queued()) === 0, 60_000);
    frozen.signal("SIGCONT");
    fault.over();
    const verdict = await check(stage, client);
    report("R6", 2, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 4 } });
  });

  test("a deleted queue of reports is declared again, and what is reported then is recorded", async () => {
    stage = await Stage.create(on, REMOTE);
    await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(5, ["a"]);
    await until(
      "they are done",
      async () => (await stage.rows("SELECT 1 FROM task_responses WHERE finished_at IS NULL")).length === 0,
    );
    on.broker.ctl("delete_queue", "--vhost", stage.name, "tasker.:reports");
    await client.burst(20, ["a"]);
    const verdict = await check(stage, client);
    report("R5", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 25 } });
  });
});
