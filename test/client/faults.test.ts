import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TaskEvent, TaskerClient, type TaskStatus } from "../../src/client";
import { until } from "../support/until";
import { type Between, between, Door, type Fate, startWorld, type TestSystem } from "./support";

let world: TestSystem;
const doors: Between[] = [];

beforeAll(async () => {
  world = await startWorld({ types: { once: { handler: "echo" } } });
});
afterEach(async () => {
  for (const door of doors.splice(0)) await door.close();
});
afterAll(() => world.close());

async function through(fateOf: Parameters<typeof between>[1], options: object = {}) {
  const proxy = await between(world.url, fateOf);
  doors.push(proxy);
  return { proxy, client: new TaskerClient({ url: proxy.url, backoffMs: 1, ...options }) };
}

test("an answer that is lost after the task was stored leaves one task, and the repetition gets it", async () => {
  const { proxy, client } = await through((_req, n): Fate => (n <= 2 ? { cutAnswer: true } : {}));
  const task = await client.submit("once", { endpoints: ["a"] });
  expect(proxy.seen).toHaveLength(3);
  const stored = await new TaskerClient(world.url).listPage({ type: "once" });
  expect(stored.items.map((item) => item.id)).toEqual([task.id]);
});

test.each([
  [503, "database_unavailable", "0"],
  [429, "rate_limited", "0"],
  [503, "overloaded", "Thu, 01 Jan 1970 00:00:00 GMT"],
])("%d %s is tried again after the pause it asks for", async (status, code, retryAfter) => {
  const fate = { answer: { status, headers: { "retry-after": retryAfter }, body: { code, status } } };
  const { proxy, client } = await through((_req, n): Fate => (n <= 2 ? fate : {}));
  expect((await client.submit("echo")).type).toBe("echo");
  expect(proxy.seen).toHaveLength(3);
});

test("repetitions are bounded, and the last problem is told with its Retry-After", async () => {
  const fate = {
    answer: { status: 503, headers: { "retry-after": "0" }, body: { code: "overloaded", detail: "Too much" } },
  };
  const { proxy, client } = await through(() => fate, { retries: 2 });
  const error = await client.submit("echo").catch((caught) => caught);
  expect(error).toMatchObject({ code: "overloaded", status: 503, detail: "Too much", retryAfter: 0 });
  expect(proxy.seen).toHaveLength(3);
});

test("a server that asks for more patience than a minute is told about, not waited for", async () => {
  const fate = { answer: { status: 429, headers: { "retry-after": "3600" }, body: { code: "rate_limited" } } };
  const { proxy, client } = await through(() => fate);
  await expect(client.get("echo", "x")).rejects.toMatchObject({ retryAfter: 3600 });
  expect(proxy.seen).toHaveLength(1);
});

test("what must not happen twice is not repeated when its outcome is unknown", async () => {
  const task = await new TaskerClient(world.url).submit("flaky");
  await new TaskerClient(world.url).wait("flaky", task.id);
  const { proxy, client } = await through((): Fate => ({ cutAnswer: true }));
  await expect(client.retry("flaky", task.id)).rejects.toMatchObject({ name: "TaskerUnreachable", tries: 1 });
  await expect(client.start("single")).rejects.toMatchObject({ tries: 1 });
  expect(proxy.seen).toHaveLength(2);
});

test("an aborted signal ends the pauses between tries at once", async () => {
  const controller = new AbortController();
  const answer = { status: 503, headers: { "retry-after": "50" }, body: { code: "overloaded" } };
  const { client } = await through(() => {
    setImmediate(() => controller.abort(new Error("enough")));
    return { answer };
  });
  await expect(client.submit("echo", {}, { signal: controller.signal })).rejects.toThrow("enough");
});

test("a server that accepts and says nothing is given up after the time limit", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new TaskerClient({ url, retries: 1, backoffMs: 1, timeoutMs: 100 });
  await expect(client.types()).rejects.toMatchObject({ name: "TaskerUnreachable", tries: 2 });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("something else than tasker at the address is said to be so", async () => {
  const html = { status: 200, headers: { "content-type": "text/html" }, body: "<html>log in</html>" };
  const { client } = await through((): Fate => ({ answer: html }));
  await expect(client.types()).rejects.toMatchObject({ code: "not_tasker" });
});

test("a watch goes on where its event stream was cut", async () => {
  const door = new Door();
  world.doors.set("cut", door);
  let streams = 0;
  const { client } = await through((req) => {
    if (!req.url!.endsWith("/events")) return {};
    if (++streams === 3) door.open();
    return streams <= 2 ? { cutWhen: Promise.resolve() } : {};
  });
  const task = await client.submit("gate", { payload: { door: "cut" } });
  const states: TaskStatus[] = [];
  for await (const now of client.watch("gate", task.id)) states.push(now.status);
  expect(states.at(-1)).toBe("succeeded");
  expect(streams).toBe(3);
});

test("a stream of events resumes after the last one that was seen, and tells what came meanwhile", async () => {
  let cut!: () => void;
  const cutWhen = new Promise<void>((resolve) => {
    cut = resolve;
  });
  const { proxy, client } = await through((req, n): Fate => (n === 1 && req.url === "/events" ? { cutWhen } : {}));
  const direct = new TaskerClient(world.url);
  const events = client.events();
  let first: TaskEvent | null = null;
  const reading = events.next().then(({ value }) => {
    first = value ?? null;
  });
  // The stream tells only what happens after it was opened.
  await until("the first event", async () => {
    if (!first) await direct.submit("echo", { endpoints: ["a"] });
    return first;
  });
  await reading;
  const seen: string[] = [String((first as TaskEvent | null)?.id)];
  cut();
  const missed = await direct.submit("echo", { endpoints: ["c"] });
  await direct.wait("echo", missed.id);
  for await (const event of events) {
    seen.push(String(event.id));
    const { task_id, status } = event.data as Record<string, string>;
    if (task_id === missed.id && status === "succeeded") break;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toContain(proxy.seen[1]!.headers["last-event-id"]);
});

test("a watch falls back to polling where event streams cannot be had", async () => {
  const door = new Door();
  world.doors.set("poll", door);
  let polls = 0;
  const { client } = await through((req): Fate => {
    if (req.url!.includes("?wait=") && req.headers["if-none-match"] && ++polls === 2) door.open();
    return req.url!.endsWith("/events") ? { answer: { status: 404, body: "<h1>Not here</h1>" } } : {};
  });
  const task = await client.submit("gate", { payload: { door: "poll" } });
  const states: string[] = [];
  for await (const now of client.watch("gate", task.id)) states.push(`${now.status} ${now.completeness.succeeded}`);
  expect(states.at(-1)).toBe("succeeded 3");
});

test("a followed log goes on where its stream was cut, with no line missing and none twice", async () => {
  const door = new Door();
  world.doors.set("log-cut", door);
  const streams: Array<string | undefined> = [];
  let cut!: () => void;
  const { client, proxy } = await through((req) => {
    if (req.headers.accept !== "text/event-stream") return {};
    streams.push(req.headers["last-event-id"] as string | undefined);
    if (streams.length === 1) return { cutWhen: new Promise((resolve) => (cut = resolve)) };
    if (streams.length === 2) return { cutWhen: Promise.resolve() };
    door.open();
    return {};
  });
  const task = await client.submit("gate", { payload: { door: "log-cut" }, endpoints: ["a"] });
  const seqs: number[] = [];
  let text = "";
  for await (const chunk of client.log("gate", task.id, "a", { follow: true })) {
    text += chunk.text;
    seqs.push(chunk.seq);
    cut();
  }
  expect(text).toBe("waiting\nthrough\n");
  expect(streams).toEqual(["0", String(seqs[0]), String(seqs[0])]);
  expect(proxy.seen.filter(({ url }) => url!.includes("/log?after="))).toEqual([]);
});

test("a followed log is read in pages where event streams cannot be had", async () => {
  const door = new Door();
  world.doors.set("log-poll", door);
  const { client } = await through((req): Fate => {
    return req.headers.accept === "text/event-stream" ? { answer: { status: 404, body: "<h1>Not here</h1>" } } : {};
  });
  const task = await client.submit("gate", { payload: { door: "log-poll" }, endpoints: ["a"] });
  let text = "";
  for await (const chunk of client.log("gate", task.id, "a", { follow: true })) {
    text += chunk.text;
    door.open();
  }
  expect(text).toBe("waiting\nthrough\n");
  const nowhere = client.log("gate", task.id, "ghost", { follow: true }).next();
  await expect(nowhere).rejects.toMatchObject({ status: 404, code: "endpoint_not_found" });
});

test("a watch of a task that is not there says so", async () => {
  const client = new TaskerClient(world.url);
  const watching = client.watch("echo", "01a200af-d7e3-7000-babb-b38b277c3e70").next();
  await expect(watching).rejects.toMatchObject({ code: "task_not_found" });
});
