import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until";
import { CLEAN, check } from "./support/checker";
import { Client } from "./support/client";
import { resumed } from "./support/recovery";
import { report } from "./support/report";
import { type Servers, servers } from "./support/servers";
import { lean, Stage } from "./support/stage";

jest.setTimeout(240_000);

describe("processes and handlers that stand still", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F8: a manager frozen for three times its time to live comes back as a zombie and changes nothing", async () => {
    // As in the defaults, the broker has dropped a frozen consumer by the time that its manager is declared dead: until then the
    // queue gives it every other message.
    stage = await Stage.create(on, { more: { broker: { heartbeat: 2 } } });
    const [, frozen] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(4, ["a"], { ms: 1500 }, 4);
    await until("the handlers run", () => stage.started() === 4);
    const fault = stage.mark("a manager is frozen", "a");
    const frozenAt = Date.now();
    frozen!.signal("SIGSTOP");
    await stage.manager("a", { TASKER_TEST_SLOT: "1" });
    await until("the other one has finished them", async () => (await finished()) === 4, 60_000);
    await sleep(lean(0, 8000));
    const columns = "task_id, status, result, attempt, lease_id, manager_id, version, finished_at, changed_at";
    const rows = () => stage.rows(`SELECT ${columns} FROM task_responses ORDER BY task_id`);
    const before = await rows();
    frozen!.signal("SIGCONT");
    fault.over();
    const superseded = () => stage.rows("SELECT task_id FROM task_attempts WHERE outcome = 'superseded'");
    await until("the zombie's results are kept for the record", async () => (await superseded()).length === 4, 30_000);
    const verdict = await check(stage, client);
    // The time to live is 4 s; once a second somebody looks.
    report("F8", 1, verdict, [resumed(stage, "a", frozenAt, 6)]);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 4, byStatus: { succeeded: 4 } });
    expect(await rows()).toEqual(before);
    // It works on under a new incarnation.
    await client.burst(8, ["a"]);
    expect(await check(stage, client)).toMatchObject(CLEAN);
  });

  test("F12: a handler that blocks its event loop is killed at its timeout and hurts nobody beside it", async () => {
    stage = await Stage.create(on, { work: { timeout: lean("4s", "90s"), attempts: 1 } });
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    const blocked = await client.submit(["a"], { block: 120_000 });
    await until("it blocks", () => stage.started() === 1);
    await client.burst(10, ["a"], { ms: 100 });
    const verdict = await check(stage, client, { withinMs: 120_000 });
    report("F12", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 10, failed: 1 } });
    const { body } = await stage.ask("GET", `/work/${blocked.taskId}/responses/a`);
    expect(body).toMatchObject({ status: "failed", reason: "timeout" });
    expect(manager!.logged("No connection")).toEqual([]);
  });

  test("F11: a handler that runs longer than the broker's consumer timeout runs once, and so do its neighbours", async () => {
    // The channel reads the timeout when it is opened; connections of earlier scenarios are gone.
    on.broker.ctl(
      "eval",
      "application:set_env(rabbit, consumer_timeout, 5000), application:set_env(rabbit, channel_tick_interval, 1000).",
    );
    stage = await Stage.create(on, { work: { concurrency: 2 } });
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.submit(["a"], { ms: lean(14_000, 30_000) });
    await until("it runs", () => stage.started() === 1);
    await client.burst(10, ["a"], { ms: 50 });
    const verdict = await check(stage, client);
    report("F11", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 11 } });
    // The broker closes the channel for it; that may happen once or twice, not in a circle.
    expect(manager!.logged("channel").length).toBeLessThan(6);
    await until("it consumes again", async () => (await stage.queue("a")).consumers === 1);
  });

  async function finished(): Promise<number> {
    return (await stage.rows("SELECT task_id FROM task_responses WHERE status = 'succeeded'")).length;
  }
});
