import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until";
import { ALL_MODES, type Body, type TestSystem, world } from "../support/world";
import { folder, stands } from "./support";

/** Waits for a file of its folder, unless it is told to stop. */
const WAIT = `
const { existsSync } = require("node:fs");
const { join } = require("node:path");
exports.until = async (name, context) => {
  while (!existsSync(join(__dirname, name))) {
    if (context.signal.aborted) throw context.signal.reason;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};`;

const FILES = {
  "handlers/wait.cjs": WAIT,
  "handlers/sync.cjs": `
const { until } = require("./wait.cjs");
exports.handleTask = async (payload, context) => {
  context.progress(0.25, "one of four");
  await until("go-sync", context);
  return { got: payload, process: process.pid };
};`,
  "handlers/crawl.cjs": `
const { until } = require("./wait.cjs");
exports.handleTask = async (payload, context) => {
  context.progress(0.5);
  await until("go-crawl", context);
  return { job: context.job, pages: payload.pages };
};`,
  "handlers/index-pages.cjs": `
const { until } = require("./wait.cjs");
exports.handleTask = async (_payload, context) => {
  context.progress(0.1);
  await until("go-index", context);
  return { job: context.job };
};`,
  "handlers/fickle.cjs": `
exports.handleTask = async (_payload, context) => {
  context.log("attempt " + context.attempt);
  throw new Error("no luck in attempt " + context.attempt);
};`,
  "handlers/deaf.cjs": `
const { until } = require("./wait.cjs");
exports.handleTask = async (payload, context) => {
  if (context.endpoint === "quick") return "done already";
  context.progress(0.5);
  if (context.endpoint === "polite") return until("never", context);
  for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));
};`,
};

/** One task at a time with start, stop, status and progress, as people knew it from a one-task web runner. */
describe.each(ALL_MODES)("a one-task runner, %s", (mode) => {
  let w: TestSystem;
  let files: Awaited<ReturnType<typeof folder>>;

  beforeAll(async () => {
    files = await folder(FILES);
    const policy = { attempts: 2, backoff: { first: "10ms" } };
    w = await world(mode, {
      types: {
        sync: { single_run: true, endpoints: ["web"] },
        nightly: { ...policy, single_run: true, endpoints: ["web"], jobs: ["crawl", "index-pages", "fickle"] },
        update: { ...policy, handler: "deaf" },
      },
      more: { handlers: join(files.dir, "handlers"), manager: { grace: "500ms" } },
    });
    await w.manager("web");
  });
  afterAll(async () => {
    await w.close();
    await files.remove();
  });

  const touch = (name: string) => writeFileSync(join(files.dir, "handlers", name), "");

  test("it starts, shows its progress, refuses a second start, stops, and starts again", async () => {
    expect((await w.get("/sync/status")).body.code).toBe("task_not_found");
    expect(await w.post("/sync/stop")).toMatchObject({ status: 200, body: { task: null, outcomes: [] } });

    const started = await w.post("/sync/start", { payload: { from: "here" } });
    expect(started.status).toBe(202);
    expect(started.headers.get("location")).toBe(`/sync/${started.body.id}`);
    const running = await stands(w, started.body, "its progress", (now) => now.progress === 0.25);
    expect((await w.get("/sync/status")).body).toMatchObject({
      id: running.id,
      status: "running",
      progress: 0.25,
      started_at: expect.any(String),
      finished_at: null,
    });
    const again = await w.post("/sync/start");
    expect([again.status, again.body.code, again.headers.get("location")]).toEqual([
      409,
      "already_running",
      `/sync/${running.id}`,
    ]);
    expect((await w.post("/sync", { identifier: "by the front door" })).body.code).toBe("already_running");

    const stopped = await w.post("/sync/stop?wait=10");
    expect(stopped).toMatchObject({
      status: 202,
      body: { outcomes: [{ endpoint: "web", outcome: "stopped", status: "cancelled" }] },
    });
    const status = (await w.get("/sync/status")).body;
    expect(status).toMatchObject({ id: running.id, status: "cancelled", finished_at: expect.any(String) });

    touch("go-sync");
    const { body: next } = await w.post("/sync/start", { payload: { from: "there" } });
    const done = await w.settled(next);
    expect(done).toMatchObject({
      status: "succeeded",
      progress: 1,
      responses: [{ result: { got: { from: "there" } } }],
    });
    expect(done.responses[0].result.process).not.toBe(process.pid);
    expect((await w.get("/sync/status")).body.id).toBe(next.id);
  });

  test("of ten starts at once one wins", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => w.post("/sync/start")));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 202).length).toBeGreaterThanOrEqual(1);
    // One that ended quickly makes room for another; two are never open at once.
    const spans = answers.filter((answer) => answer.status === 202).map((answer) => answer.body);
    const ran: Body[] = await Promise.all(spans.map((task) => w.settled(task)));
    ran.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    for (const [i, run] of ran.slice(1).entries()) expect(run.started_at >= ran[i]!.finished_at).toBe(true);
  });

  test("its jobs run at once, each with its own attempts, progress and result; one that fails for good fails it", async () => {
    const { body: task } = await w.post("/nightly/start", { payload: { pages: 3 } });
    // crawl 0.5, index-pages 0.1, fickle failed for good: done.
    const running = await stands(w, task, "the mean of the jobs' progress", (now) => now.progress === 0.5333);
    expect(running).toMatchObject({ status: "running", completeness: { expected: 1, running: 1, failed: 0 } });
    expect(running.endpoints).toEqual(["web"]);
    const jobs = (await w.get(`/nightly/${task.id}/responses/web`)).body;
    expect(jobs).toMatchObject({ endpoint: "web", status: "running", progress: 0.5333, finished_at: null });

    touch("go-crawl");
    touch("go-index");
    const done = await w.settled(task);
    expect(done).toMatchObject({
      status: "failed",
      progress: 1,
      completeness: { expected: 1, failed: 1, succeeded: 0 },
    });
    expect(done.responses.map((job: Body) => [job.job, job.status, job.attempt, job.result])).toEqual([
      ["crawl", "succeeded", 1, { job: "crawl", pages: 3 }],
      ["fickle", "failed", 2, null],
      ["index-pages", "succeeded", 1, { job: "index-pages" }],
    ]);
    const fickle = (await w.get(`/nightly/${task.id}/responses/web?job=fickle`)).body;
    expect(fickle.history.map((attempt: Body) => [attempt.attempt, attempt.outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
    ]);
    const log = (await w.get(`/nightly/${task.id}/responses/web/log?job=fickle`)).body.items;
    expect(log.map((piece: Body) => piece.text).join("")).toBe("attempt 1\nattempt 2\n");

    // A retry is a new generation of the failed job alone.
    const retried = await w.post(`/nightly/${task.id}/retry`, { statuses: ["failed"] });
    expect([retried.status, retried.body.reopened]).toEqual([202, [{ endpoint: "web", job: "fickle" }]]);
    await stands(w, task, "the second generation to fail", (now) => now.settled && now.status === "failed");
    const twice = (await w.get(`/nightly/${task.id}/responses/web?job=fickle`)).body;
    expect(twice.generation).toBe(2);
    expect(twice.history.map((attempt: Body) => [attempt.generation, attempt.attempt, attempt.outcome])).toEqual([
      [1, 1, "failed"],
      [1, 2, "failed"],
      [2, 1, "failed"],
      [2, 2, "failed"],
    ]);
  });

  test("a cancel tells for each endpoint what became of it, and says cancelled only when nothing runs", async () => {
    for (const endpoint of ["quick", "polite", "stubborn"]) await w.manager(endpoint);
    const endpoints = ["quick", "polite", "stubborn", "absent"];
    const task = await w.submit("update", { identifier: "to be cancelled", endpoints });
    await stands(w, task, "it to run", ({ responses }) => {
      const at = (name: string) => responses.find((row: Body) => row.endpoint === name);
      return at("quick").status === "succeeded" && at("polite").progress === 0.5 && at("stubborn").progress === 0.5;
    });
    const outcomes = (body: Body) =>
      Object.fromEntries(body.outcomes.map((outcome: Body) => [outcome.endpoint, outcome.outcome]));
    const told = await w.post(`/update/${task.id}/cancel`);
    expect(told.status).toBe(202);
    expect(outcomes(told.body)).toEqual({
      absent: "withdrawn",
      polite: "stopping",
      quick: "finished",
      stubborn: "stopping",
    });
    expect(told.body.task.status).toBe("running");
    const { body } = await w.post(`/update/${task.id}/cancel?wait=15`);
    expect(outcomes(body)).toEqual({ absent: "finished", polite: "stopped", quick: "finished", stubborn: "killed" });
    expect(body.task).toMatchObject({
      status: "cancelled",
      completeness: { expected: 4, succeeded: 1, cancelled: 3, missing: [], complete: true },
    });
    // Whoever comes late finds nothing to do.
    const absent = await w.manager("absent");
    expect(absent.managers[0]!.state().granted).toBe(0);
    const nothing = await w.post(`/update/${task.id}/cancel`);
    expect([nothing.status, new Set(Object.values(outcomes(nothing.body)))]).toEqual([200, new Set(["finished"])]);
  });
});

describe.each(ALL_MODES)("a one-task runner's old addresses, %s", (mode) => {
  test("GET starts and stops with the parameters as payload and the key in the address, where the type says so only", async () => {
    const files = await folder(FILES);
    const key = "tk_story_0123456789abcdef";
    const w = await world(mode, {
      types: {
        old: { single_run: true, legacy_get: true, handler: "sync", endpoints: ["web"] },
        sync: { single_run: true, endpoints: ["web"] },
      },
      more: {
        handlers: join(files.dir, "handlers"),
        api: { keys: [{ name: "cron", key, scopes: ["submit", "operate"] }] },
      },
    });
    await w.manager("web");
    try {
      const started = await w.get(`/old/start?key=${key}&from=cron&deep=1&deep=2`);
      expect([started.status, started.body.payload]).toEqual([202, { from: "cron", deep: ["1", "2"] }]);
      expect(started.text).not.toContain(key);
      expect((await w.get(`/old/start?key=${key}`)).status).toBe(409);
      expect((await w.get(`/old/status?key=${key}`)).body.id).toBe(started.body.id);
      expect((await w.get(`/old/stop?key=${key}&_=123`)).status).toBe(202);
      await until("it to have stopped", async () => {
        const { body } = await w.get(`/old/status?key=${key}`);
        return body.status === "cancelled";
      });
      expect((await w.get("/old/start?key=wrong")).status).toBe(401);
      expect((await w.get(`/sync/start?key=${key}`)).status).toBe(401);
      const header = { "x-api-key": key };
      expect((await w.get("/sync/start", header)).body.code).toBe("route_not_found");
      expect((await w.post("/sync/start", {}, header)).status).toBe(202);
    } finally {
      await w.close();
      await files.remove();
    }
  });
});
