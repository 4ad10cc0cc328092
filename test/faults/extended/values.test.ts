import { join } from "node:path";
import { until } from "../../support/until";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { report } from "../support/report";
import { type Servers, Stage, servers } from "../support/stage";

jest.setTimeout(240_000);

describe("huge and odd values, and clocks that are wrong", () => {
  let on: Servers;
  let stage: Stage;
  beforeAll(async () => {
    on = await servers();
  });
  afterAll(() => on.stop());
  afterEach(() => stage.close());

  test("F28: a result of 50 MB, a payload of 17 MB and odd characters hurt nobody beside them", async () => {
    stage = await Stage.create(on, {
      work: { attempts: 1 },
      types: { big: { handler: "work" } },
      more: { api: { max_body: "20mb" } },
    });
    const [, manager] = await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    const [huge, odd] = await Promise.all([
      client.submit(["a"], { result: "huge" }),
      client.submit(["a"], { result: "odd" }),
      client.burst(20, ["a"]),
    ]);
    const large = await client.submit(["a"], { text: "x".repeat(17 * 1024 * 1024) });
    const verdict = await check(stage, client);
    report("F28", 3, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0 });
    const response = async (id: string) => (await stage.ask("GET", `/work/${id}/responses/a`)).body;
    expect(await response(huge.taskId!)).toMatchObject({ status: "failed", reason: "result_too_large" });
    expect((await response(odd.taskId!)).result).toEqual({ text: "nul \0 lone \ud800 emoji 😀 \u2028", big: 2 ** 60 });
    // Taken and performed, or refused as too large: never half.
    expect([202, 413]).toContain(large.status);
    expect(verdict.byStatus).toEqual({ succeeded: large.status === 202 ? 22 : 21, failed: 1 });
    expect(manager!.footprint().rss).toBeLessThan(1024 ** 3);
    expect((await client.submit(["a"], {})).status).toBe(202);
  });

  test("F23: clocks ten minutes ahead and behind and odd time zones take nothing over early and give no negative times", async () => {
    stage = await Stage.create(on, { work: { backoff: { first: "1s", factor: 1, max: "1s" } } });
    const node = ["--require", join(__dirname, "..", "support", "skew.cjs")];
    const skewed = (ms: number, TZ: string) => ({ TASKER_TEST_SKEW_MS: String(ms), TZ });
    await Promise.all([
      stage.api(skewed(0, "America/St_Johns"), { node }),
      stage.manager("a", skewed(600_000, "Asia/Kathmandu"), { node }),
      stage.manager("b", skewed(-600_000, "Pacific/Chatham"), { node }),
    ]);
    const client = new Client(stage);
    await client.burst(10, ["a", "b"], { ms: 6000 }, 10);
    await client.burst(10, ["a", "b"], { failFirst: true });
    const soon = new Date(Date.now() + 8000).toISOString();
    const delayed = await client.submit(["a", "b"], {}, { delay_until: soon });
    await until("most have run", () => stage.started() >= 40, 60_000);
    const verdict = await check(stage, client);
    report("F23", 3, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 42 } });
    expect(await stage.rows("SELECT task_id FROM task_attempts WHERE outcome IN ('lost', 'superseded')")).toEqual([]);
    for (const { taskId } of client.accepted) {
      const { body } = await stage.ask("GET", `/work/${taskId}`);
      for (const { received_at, started_at, finished_at } of body.responses) {
        const times = [body.created_at, received_at, started_at, finished_at].filter(Boolean);
        expect(times).toEqual([...times].sort());
        expect(Math.abs(Date.parse(finished_at) - Date.now())).toBeLessThan(300_000);
        expect(finished_at).toMatch(/Z$/);
        if (taskId === delayed.taskId) expect(started_at >= soon).toBe(true);
      }
    }
  });
});
