import { type ResponseChange, TaskerClient, TaskerProblem, TaskerUnreachable } from "../../src/client";
import { Door, nobody, startWorld, type TestSystem } from "./support";

let world: TestSystem;
let client: TaskerClient;

beforeAll(async () => {
  world = await startWorld();
  client = new TaskerClient(world.url);
});
afterAll(() => world.close());

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function gate(name: string): { payload: { door: string } } {
  world.doors.set(name, new Door());
  return { payload: { door: name } };
}

test("a submitted task is stored under an identifier of its own and settles at every endpoint", async () => {
  const task = await client.submit("echo", { payload: { n: 1 } });
  expect(task).toMatchObject({ type: "echo", payload: { n: 1 }, endpoints: ["a", "b", "c"] });
  expect(task.identifier).toMatch(/^[0-9a-f-]{36}$/);
  const settled = await client.wait("echo", task.id);
  expect(settled).toMatchObject({ status: "succeeded", settled: true, completeness: { succeeded: 3, missing: [] } });
  expect(settled.responses.map((response) => response.result)).toContainEqual({ at: "b", payload: { n: 1 } });
  expect(await client.get("echo", task.id)).toEqual(settled);
});

test("the same identifier and body is the same task, another body is a conflict that names it", async () => {
  const first = await client.submit("echo", { identifier: "twice", payload: { n: 1 }, endpoints: ["a"] });
  expect((await client.submit("echo", { identifier: "twice", payload: { n: 1 }, endpoints: ["a"] })).id).toBe(first.id);
  const refused = await client.submit("echo", { identifier: "twice", payload: { n: 2 } }).catch((error) => error);
  expect(refused).toBeInstanceOf(TaskerProblem);
  expect(refused).toMatchObject({ code: "identifier_conflict", status: 409, location: `/echo/${first.id}` });
});

test("a batch is answered in its order, each task by itself", async () => {
  const results = await client.submitBatch("echo", [
    { payload: { n: 1 }, endpoints: ["a"] },
    { identifier: "" },
    { endpoints: ["b"] },
  ]);
  expect(results.map((result) => result.status)).toEqual([202, 422, 202]);
  expect(results[1]).toMatchObject({ problem: { code: "invalid_request" } });
});

test("a problem carries its code, status, sentence and the faults with their pointers", async () => {
  const unknown = await client.submit("nope").catch((error) => error);
  expect(unknown).toMatchObject({ name: "TaskerProblem", code: "unknown_task_type", status: 404, retryAfter: null });
  const invalid = await client.submit("echo", { priority: 99 }).catch((error) => error);
  expect(invalid).toMatchObject({ code: "invalid_request", status: 422 });
  expect(invalid.errors[0].pointer).toBe("#/priority");
  const absent = await client.get("echo", "01a200af-d7e3-7000-babb-b38b277c3e70").catch((error) => error);
  expect(absent).toMatchObject({ code: "task_not_found", status: 404 });
});

test("names never leave their place in the path", async () => {
  await expect(client.get("..", "x")).rejects.toThrow("cannot stand in a path");
  await expect(client.get("echo", "")).rejects.toThrow("cannot stand in a path");
  const refused = await client.get("echo", "../../types").catch((error) => error);
  expect(refused).toMatchObject({ name: "TaskerProblem", status: 404 });
});

test("a wait that is over gives the task as it stands, and an aborted one rejects with the reason", async () => {
  const task = await client.submit("gate", gate("wait"));
  expect((await client.wait("gate", task.id, { timeoutMs: 50 })).settled).toBe(false);
  const controller = new AbortController();
  const waiting = client.wait("gate", task.id, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  world.doors.get("wait")!.open();
  expect((await client.wait("gate", task.id)).status).toBe("succeeded");
});

test("a wait ends when its own condition is met, long before the task is settled", async () => {
  const task = await client.submit("gate", gate("until"));
  const running = await client.wait("gate", task.id, { until: (now) => now.completeness.running === 3 });
  expect(running).toMatchObject({ status: "running", settled: false });
  world.doors.get("until")!.open();
});

test("watching tells each state once and ends with the settled one", async () => {
  const task = await client.submit("gate", gate("watch"));
  const states: string[] = [];
  for await (const now of client.watch("gate", task.id)) {
    states.push(`${now.status} ${now.completeness.succeeded}`);
    if (now.completeness.running === 3) world.doors.get("watch")!.open();
  }
  expect(states.at(-1)).toBe("succeeded 3");
  expect(new Set(states).size).toBeGreaterThan(1);
});

test("a task that misses an endpoint is watched until it is incomplete, which no endpoint announces", async () => {
  const task = await client.submit("missing", { endpoints: ["ghost"] });
  const states = await collected(client.watch("missing", task.id));
  expect(states.at(-1)).toMatchObject({ status: "incomplete", completeness: { missing: ["ghost"], complete: false } });
});

test("the event of a response says all that ResponseChange has, and nothing else", async () => {
  const task = await client.submit("gate", gate("change"));
  const change: Required<ResponseChange> = {
    task_id: task.id,
    type: "gate",
    endpoint: expect.stringMatching(/^[abc]$/),
    job: null,
    status: "succeeded",
    reason: null,
    attempt: 1,
    attempts: 1,
    progress: 1,
    progress_message: null,
    changed_at: expect.stringMatching(/^\d{4}-/),
    version: expect.any(Number),
  };
  for await (const { event, data } of client.events({ type: "gate", id: task.id })) {
    if (event === "task.updated") world.doors.get("change")!.open();
    if (event !== "response.updated" || (data as unknown as ResponseChange).status !== "succeeded") continue;
    expect(data).toEqual(change);
    return;
  }
});

test("leaving a watch early leaves nothing behind", async () => {
  const task = await client.submit("gate", gate("leave"));
  for await (const now of client.watch("gate", task.id)) if (now.id === task.id) break;
  world.doors.get("leave")!.open();
  expect((await client.wait("gate", task.id)).settled).toBe(true);
});

test("lists are read page after page, with every filter", async () => {
  const batch = Array.from({ length: 5 }, (_, n) => ({ identifier: `page-${n}`, endpoints: ["c"] }));
  await client.submitBatch("flaky", batch);
  const pages = await collected(client.list({ type: "flaky", limit: 2 }));
  expect(pages.map((task) => task.identifier)).toEqual(["page-4", "page-3", "page-2", "page-1", "page-0"]);
  expect(await collected(client.list({ type: "flaky", identifier: "page-3" }))).toHaveLength(1);
  expect(await collected(client.list({ type: "flaky", endpoint: "a" }))).toEqual([]);
  expect(await collected(client.list({ type: "flaky", created_after: "2100-01-01T00:00:00Z" }))).toEqual([]);
  expect(pages[0]).not.toHaveProperty("responses");
  const [full] = await collected(client.list({ type: "flaky", identifier: "page-3", include: "responses" }));
  expect(full!.responses).toMatchObject([{ endpoint: "c", version: expect.any(Number) }]);
});

test("responses, one response with its attempts, and its log", async () => {
  const task = await client.submit("flaky");
  await client.wait("flaky", task.id);
  const failed = await collected(client.responses("flaky", task.id, { status: "failed" }));
  expect(failed).toMatchObject([{ endpoint: "b", status: "failed", reason: "error" }]);
  expect(await collected(client.responses("flaky", task.id, { limit: 1 }))).toHaveLength(3);
  const one = await client.response("flaky", task.id, "b");
  expect(one).toMatchObject({ status: "failed", history: [{ attempt: 1, outcome: "failed" }] });

  const echo = await client.submit("echo", { endpoints: ["a"] });
  await client.wait("echo", echo.id);
  const text = (await collected(client.log("echo", echo.id, "a", { follow: true }))).map((chunk) => chunk.text);
  expect(text.join("")).toBe("at a\n");
});

test("a followed log ends with the response, and holds what came last", async () => {
  const task = await client.submit("gate", { ...gate("log"), endpoints: ["a"] });
  let text = "";
  for await (const chunk of client.log("gate", task.id, "a", { follow: true })) {
    text += chunk.text;
    if (text.includes("waiting")) world.doors.get("log")!.open();
  }
  expect(text).toBe("waiting\nthrough\n");
});

test("retry opens what failed again, cancel stops what runs and withdraws what waits", async () => {
  const failed = await client.submit("flaky");
  await client.wait("flaky", failed.id);
  const again = await client.retry("flaky", failed.id, { statuses: ["failed"] });
  expect(again.reopened).toEqual([{ endpoint: "b", job: null }]);
  await client.wait("flaky", failed.id);

  const task = await client.submit("gate", gate("cancel"));
  await client.wait("gate", task.id, { until: (now) => now.completeness.running === 3 });
  const { outcomes } = await client.cancel("gate", task.id);
  expect(outcomes.map((outcome) => outcome.outcome)).toEqual(["stopping", "stopping", "stopping"]);
  expect(await client.wait("gate", task.id)).toMatchObject({ status: "cancelled" });
});

test("a single run is started once, told about, and stopped", async () => {
  const run = await client.start("single", gate("single"));
  const second = await client.start("single").catch((error) => error);
  expect(second).toMatchObject({ code: "already_running", location: `/single/${run.id}` });
  expect((await client.status("single")).id).toBe(run.id);
  expect((await client.stop("single")).task?.id).toBe(run.id);
  await client.wait("single", run.id);
  expect((await client.stop("single")).task).toBeNull();
});

test("types, endpoints and health are told", async () => {
  expect((await client.types()).map((type) => type.name)).toContain("echo");
  expect(await client.type("echo")).toMatchObject({ attempts: 2, registered: ["a", "b", "c"] });
  const endpoints = await client.endpoints();
  expect(endpoints.filter((endpoint) => endpoint.alive).map((endpoint) => endpoint.name)).toEqual(["a", "b", "c"]);
  expect(await client.endpoint("ghost")).toMatchObject({ alive: false, last_seen_at: null });
  expect(await client.health()).toMatchObject({ ready: true, checks: { database: { ok: true } } });
});

test("nobody listening is TaskerUnreachable, after a bounded number of tries, with the identifier to go on with", async () => {
  const url = await nobody();
  const lost = new TaskerClient({ url, retries: 2, backoffMs: 1 });
  const error = await lost.submit("echo").catch((caught) => caught);
  expect(error).toBeInstanceOf(TaskerUnreachable);
  expect(error).toMatchObject({ tries: 3, url });
  expect(error.message).toContain("ECONNREFUSED");
  expect(error.identifier).toMatch(/^[0-9a-f-]{36}$/);
});
