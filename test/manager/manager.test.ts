import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PermanentFailure } from "../../src/errors";
import type { ManagerStore } from "../../src/store/store";
import { until } from "../support/until";
import { Gate, ManagerHarness } from "./harness";
import { typeConfig } from "./support";

const here = { endpoints: ["here"] };
const work = (more = {}) => typeConfig("work", more);

let bench: ManagerHarness;
afterEach(() => bench.close());

test("a task is performed in a process of its own; result, progress, log and times are recorded", async () => {
  bench = await ManagerHarness.open([work({ isolation: "process" })]);
  bench.handler(
    "work",
    `exports.handleTask = async (payload, context) => {
       context.log("begun with " + payload.what);
       context.progress(0.5, "half");
       while (!context.signal.aborted && !require("node:fs").existsSync(payload.go)) await new Promise((r) => setTimeout(r, 5));
       return { pid: process.pid, endpoint: context.endpoint, key: context.idempotencyKey };
     };`,
  );
  const manager = await bench.manager("here");
  const go = join(bench.folder, "go");
  const id = await bench.submit("work", { ...here, payload: { what: "tea", go } });
  await until("the progress", async () => (await bench.responses("work", id))[0]?.progress === 0.5);
  writeFileSync(go, "");
  const [response] = await bench.settled("work", id);
  expect(response).toMatchObject({ status: "succeeded", attempt: 1, endpoint: "here", performer: "here", progress: 1 });
  const result = JSON.parse(response!.result!);
  expect(result).toMatchObject({ endpoint: "here", key: `${id}:here` });
  expect(result.pid).not.toBe(process.pid);
  const log = await bench.store.tasks.log({ taskId: id, endpoint: "here", job: "" }, 0, 10);
  expect(log.map((chunk) => chunk.text).join("")).toContain("begun with tea\n");
  expect(manager.state()).toMatchObject({ granted: 1, succeeded: 1, running: 0, finishing: 0, waiting: 0 });
});

test("a failed attempt is followed by another after its backoff, and the history tells of both", async () => {
  bench = await ManagerHarness.open([work()]);
  const work1 = async (_payload: object, { attempt }: { attempt: number }) => {
    if (attempt < 3) throw new Error(`not yet ${attempt}`);
    return { attempt };
  };
  const manager = await bench.manager("here", { functions: { work: work1 } });
  const id = await bench.submit("work", here);
  const [response] = await bench.settled("work", id);
  expect(response).toMatchObject({ status: "succeeded", attempt: 3, result: '{"attempt":3}' });
  const attempts = await bench.attempts(id, "here");
  expect(attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
    [1, "failed"],
    [2, "failed"],
  ]);
  expect(attempts[0]!.error).toContain("not yet 1");
  expect(manager.state()).toMatchObject({ retrying: 2, succeeded: 1 });
});

test("the last failed attempt is final, and a permanent failure ends the attempts at once", async () => {
  bench = await ManagerHarness.open([work({ attempts: 2 })]);
  const fails = async (payload: { permanent?: boolean }) => {
    if (payload.permanent) throw new PermanentFailure("never", "bad_archive");
    throw new Error("again");
  };
  await bench.manager("here", { functions: { work: fails } });
  const plain = await bench.submit("work", here);
  const permanent = await bench.submit("work", { ...here, payload: { permanent: true } });
  expect(await bench.settled("work", plain)).toMatchObject([{ status: "failed", reason: "error", attempt: 2 }]);
  expect(await bench.settled("work", permanent)).toMatchObject([
    { status: "failed", reason: "bad_archive", attempt: 1 },
  ]);
});

test("a handler that blocks its process is killed at the timeout, while heartbeats go on", async () => {
  bench = await ManagerHarness.open([work({ isolation: "process", timeoutMs: 700, attempts: 1 })]);
  bench.handler("work", "exports.handleTask = () => { for (;;); };");
  const manager = await bench.manager("here");
  const id = await bench.submit("work", here);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "failed", reason: "timeout", attempt: 1 }]);
  expect(manager.state().heartbeats).toBeGreaterThan(1);
});

test("a handler that ends its process uses up its own attempts, and its neighbours keep theirs", async () => {
  bench = await ManagerHarness.open([work({ isolation: "process", concurrency: 8 })]);
  bench.handler("work", "exports.handleTask = async (payload) => { if (payload.poison) process.exit(3); return 1; };");
  await bench.manager("here");
  const poison = await bench.submit("work", { ...here, payload: { poison: true } });
  const good = await Promise.all(Array.from({ length: 20 }, () => bench.submit("work", here)));
  expect(await bench.settled("work", poison)).toMatchObject([{ status: "failed", reason: "exit_code", attempt: 3 }]);
  for (const id of good) expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
});

test("a running task that is cancelled is told, and called cancelled when it has stopped", async () => {
  bench = await ManagerHarness.open([work()]);
  let told = "";
  let ended = false;
  const manager = await bench.manager("here", {
    functions: {
      work: async (_payload, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        told = signal.reason.message;
        await new Promise((resolve) => setTimeout(resolve, 50));
        ended = true;
        throw signal.reason;
      },
    },
  });
  const id = await bench.submit("work", here);
  await until("it runs", () => manager.state().running === 1);
  await bench.cancel("work", id);
  const [response] = await bench.settled("work", id);
  expect(response).toMatchObject({ status: "cancelled", reason: "cancelled", attempt: 1 });
  expect(told).toBe("cancel");
  expect(ended).toBe(true);
});

test("a cancelled handler that does not listen is killed, and the response says so", async () => {
  bench = await ManagerHarness.open([work({ isolation: "process" })]);
  bench.handler(
    "work",
    "exports.handleTask = (payload) => { require('node:fs').writeFileSync(payload.begun, ''); for (;;); };",
  );
  await bench.manager("here");
  const begun = join(bench.folder, "begun");
  const id = await bench.submit("work", { ...here, payload: { begun } });
  await until("it runs", () => existsSync(begun));
  await bench.cancel("work", id);
  expect(await bench.settled("work", id)).toMatchObject([
    { status: "cancelled", error: expect.stringContaining("killed") },
  ]);
});

test("messages that cannot be understood are parked with their reason, and harm nobody", async () => {
  bench = await ManagerHarness.open([work(), typeConfig("other")]);
  const manager = await bench.manager("here", { functions: { work: () => 1, other: () => 1 } });
  const message = (body: string) =>
    bench.transport.publish({
      address: { to: "endpoint", type: "work", endpoint: "here" },
      body,
      messageId: "m",
      correlationId: "c",
      type: "work",
    });
  const bodies = [
    "",
    "{",
    "[]",
    '{"v":2,"type":"work","tasks":[]}',
    '{"v":1,"type":"work","tasks":[]}',
    '{"v":1,"type":"work","tasks":[{"id":"x"}]}',
    '{"v":1,"type":"other","tasks":[{"id":"0191f3a0-0000-7000-8000-000000000001"}]}',
  ];
  for (const body of bodies) await message(body);
  await until("all are parked", () => manager.state().parked === bodies.length);
  expect(await bench.transport.depth({ to: "dead" })).toMatchObject({ ready: bodies.length });
  // Readable, but no task of ours.
  await message('{"v":1,"type":"work","tasks":[{"id":"0191f3a0-0000-7000-8000-000000000001"}]}');
  await until("the stranger is refused", () => manager.state().refusedUnknown === 1);
  const id = await bench.submit("work", here);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded" }]);
});

test("however often a message comes, its task runs once", async () => {
  bench = await ManagerHarness.open([work()]);
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const id = await bench.submit("work", here);
  await gate.entered();
  const again = () =>
    bench.transport.publish({
      address: { to: "endpoint", type: "work", endpoint: "here" },
      body: `{"v":1,"type":"work","tasks":[{"id":"${id}"},{"id":"${id}","job":null}]}`,
      messageId: "again",
      correlationId: id,
      type: "work",
    });
  for (let i = 0; i < 10; i++) await again();
  await until("they are refused", () => manager.state().deliveries === 11 && manager.state().refusedHeld > 0);
  gate.letGo();
  await bench.settled("work", id);
  for (let i = 0; i < 10; i++) await again();
  await until("they are refused", () => manager.state().deliveries === 21 && manager.state().refusedFinal > 0);
  expect(gate.runs).toHaveLength(1);
  expect(await bench.transport.depth({ to: "endpoint", type: "work", endpoint: "here" })).toMatchObject({ ready: 0 });
});

test("two managers of one endpoint share its tasks, and each task runs once", async () => {
  bench = await ManagerHarness.open([work({ concurrency: 2 })]);
  const ran: string[] = [];
  const functions = { work: async (_: object, { taskId }: { taskId: string }) => void ran.push(taskId) };
  const one = await bench.manager("here", { functions, slot: "one" });
  const two = await bench.manager("here", { functions, slot: "two" });
  const ids = await Promise.all(Array.from({ length: 200 }, () => bench.submit("work", here)));
  for (const id of ids) expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(ran.sort()).toEqual(ids.sort());
  expect(one.state().succeeded + two.state().succeeded).toBe(200);
  expect(Math.min(one.state().succeeded, two.state().succeeded)).toBeGreaterThan(0);
});

test("of a type that anybody may perform, one of the endpoints does", async () => {
  bench = await ManagerHarness.open([work({ deliver: "one", concurrency: 1 })]);
  const gate = new Gate();
  await bench.manager("a", { functions: { work: gate.handle } });
  await bench.manager("b", { functions: { work: gate.handle } });
  const ids = [await bench.submit("work"), await bench.submit("work")];
  await gate.entered(2);
  expect(gate.runs.map((run) => run.endpoint).sort()).toEqual(["a", "b"]);
  gate.letGo();
  for (const id of ids) {
    const [response] = await bench.settled("work", id);
    expect(response).toMatchObject({ status: "succeeded", endpoint: "*" });
    expect(["a", "b"]).toContain(response!.performer);
  }
});

test("what waits for a slot is shown as received, and the most urgent goes first", async () => {
  bench = await ManagerHarness.open([work({ concurrency: 2 })]);
  const gate = new Gate();
  await bench.manager("here", { functions: { work: gate.handle } });
  for (let i = 0; i < 2; i++) await bench.submit("work", here);
  await gate.entered(2);
  const low = await bench.submit("work", { ...here, priority: 1 });
  const high = await bench.submit("work", { ...here, priority: 9 });
  for (const id of [low, high]) {
    await until("it is received", async () => (await bench.responses("work", id))[0]!.status === "received");
  }
  gate.letGo();
  for (const id of [low, high]) await bench.settled("work", id);
  expect(gate.runs.slice(2).map((run) => run.taskId)).toEqual([high, low]);
});

test("the jobs of a task run at once, whatever the concurrency; one that the config does not have says so", async () => {
  bench = await ManagerHarness.open([work({ concurrency: 1, jobs: ["crawl", "sync"], attempts: 1 })]);
  const gate = new Gate();
  await bench.manager("here", { functions: { crawl: gate.handle, sync: gate.handle } });
  const id = await bench.submit("work", here);
  await gate.entered(2);
  gate.letGo();
  expect(await bench.settled("work", id)).toMatchObject([
    { job: "crawl", status: "succeeded" },
    { job: "sync", status: "succeeded" },
  ]);
  bench.config.taskTypes.work!.jobs.push("newer");
  const newer = await bench.submit("work", here);
  expect(await bench.settled("work", newer)).toMatchObject([
    { job: "crawl", status: "succeeded" },
    { job: "newer", status: "failed", reason: "handler_not_found" },
    { job: "sync", status: "succeeded" },
  ]);
});

test("a handler may submit another task", async () => {
  bench = await ManagerHarness.open([work(), typeConfig("other")]);
  await bench.manager("here", {
    functions: {
      work: (_payload, context) => context.submit("other", { identifier: "the other", endpoints: ["here"] }),
      other: () => "done",
    },
  });
  const id = await bench.submit("work", here);
  await bench.settled("work", id);
  const named = { type: "other", identifier: "the other", limit: 1 };
  const other = await until("the other task", async () => (await bench.store.tasks.list(named))[0]);
  expect(await bench.settled("other", other.id)).toMatchObject([{ status: "succeeded", result: '"done"' }]);
});

test("a handler whose type says what it submits may submit nothing else", async () => {
  bench = await ManagerHarness.open([
    work({ submits: ["other"], attempts: 1 }),
    typeConfig("other"),
    typeConfig("third"),
  ]);
  await bench.manager("here", {
    functions: { work: (_payload, context) => context.submit("third", { identifier: "x", endpoints: ["here"] }) },
  });
  const id = await bench.submit("work", here);
  expect(await bench.settled("work", id)).toMatchObject([
    {
      status: "failed",
      error: expect.stringContaining('may not ask for "third": its `submits` in the config names other'),
    },
  ]);
});

test("who sees that an attempt has ended finds all of its log", async () => {
  bench = await ManagerHarness.open([work()]);
  const order: string[] = [];
  const stored = bench.managerStore;
  const store: ManagerStore = Object.assign(Object.create(stored), {
    log: async (...chunks: Parameters<ManagerStore["log"]>) => {
      order.push("log");
      await stored.log(...chunks);
      order.push("logged");
    },
    finish: (...ends: Parameters<ManagerStore["finish"]>) => {
      order.push("finish");
      return stored.finish(...ends);
    },
  });
  await bench.manager("here", { functions: { work: (_payload, context) => context.log("the last words") }, store });
  const id = await bench.submit("work", here);
  await bench.settled("work", id);
  expect(order).toEqual(["log", "logged", "finish"]);
});

test("a log over the limit is cut with a mark that says so", async () => {
  bench = await ManagerHarness.open([work({ attempts: 2 })]);
  await bench.manager("here", {
    functions: {
      work: (_payload, context) => {
        for (let i = 0; i < 10_000; i++) context.log("é".repeat(100));
      },
    },
  });
  const id = await bench.submit("work", here);
  await bench.settled("work", id);
  const chunks = await bench.store.tasks.log({ taskId: id, endpoint: "here", job: "" }, 0, 1000);
  const text = chunks.map((chunk) => chunk.text).join("");
  expect(Buffer.byteLength(text)).toBeLessThan(5200);
  expect(text).toContain("the log is cut here; an attempt may keep 5000 bytes");
  expect(text).not.toContain("\ufffd");
});

test("results that are too large or that the database cannot hold fail their task only", async () => {
  bench = await ManagerHarness.open([work()]);
  await bench.manager("here", {
    functions: { work: (payload) => (payload.size ? "x".repeat(Number(payload.size)) : "a\0\ud800é😀") },
  });
  const large = await bench.submit("work", { ...here, payload: { size: 200_000 } });
  const odd = await bench.submit("work", here);
  expect(await bench.settled("work", large)).toMatchObject([
    {
      status: "failed",
      reason: "result_too_large",
      result: null,
      resultText: expect.stringContaining("xxx"),
      attempt: 1,
    },
  ]);
  const [response] = await bench.settled("work", odd);
  expect(JSON.parse(response!.result!)).toBe("a\0\ud800é😀");
});
