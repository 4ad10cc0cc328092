import { silentLog } from "../../../src/log";
import { ANY_ENDPOINT } from "../../../src/model/names";
import type { NewTask } from "../../../src/model/task";
import { Confirms } from "../../../src/tasks/publish/confirms";
import { typeConfig } from "../../manager/support";
import { claimed, createdTask, endOf } from "../../store/support";
import { until } from "../../support/until";
import { openParts, type Parts } from "../support";

const TYPES = [
  typeConfig("each", { endpoints: ["a", "b"] }),
  typeConfig("late", { endpoints: ["a"], claim: "late" }),
  typeConfig("one", { deliver: "one", endpoints: ["a"], concurrency: 2 }),
];

let on: Parts;
beforeAll(async () => {
  on = await openParts(TYPES);
});
afterAll(() => on.close());
afterEach(() => {
  on.transport.connected = true;
  on.transport.refuses = () => false;
});

const stored = (type: string, more: Partial<NewTask> = {}) => {
  const one = type === "one" ? { deliver: "one" as const, endpoints: [ANY_ENDPOINT] } : {};
  return createdTask(on.store, { type, endpoints: ["a"], ...one, ...more });
};
const publishedAt = async (task: NewTask) => (await on.store.tasks.find(task.type, task.id))!.task.publishedAt;

/** What goes out for tasks that were just committed. */
async function published(tasks: NewTask[], messages: number) {
  on.publisher.created(tasks);
  await until("the messages", () => on.transport.sent.length >= messages);
  return on.transport.taken();
}

test("a task for some of the registered endpoints goes to the queue of each", async () => {
  const task = await stored("each");
  expect(await published([task], 1)).toEqual([
    { address: { to: "endpoint", type: "each", endpoint: "a" }, ids: [task.id] },
  ]);
});

test("a task for every registered endpoint goes out with one publish", async () => {
  const task = await stored("each", { endpoints: ["b", "a"] });
  expect(await published([task], 1)).toEqual([{ address: { to: "all", type: "each" }, ids: [task.id] }]);
});

test("tasks that were committed together share a message for each queue, and types share none", async () => {
  const tasks = [await stored("each"), await stored("late"), await stored("each")];
  const taken = await published(tasks, 2);
  expect(taken.map(({ ids }) => ids)).toEqual([[tasks[0]!.id, tasks[2]!.id], [tasks[1]!.id]]);
});

test("an endpoint that is not registered has no queue: nothing is sent, and the task stays unpublished", async () => {
  const [unknown, known] = [await stored("each", { endpoints: ["nobody"] }), await stored("each")];
  expect(await published([unknown, known], 1)).toMatchObject([{ ids: [known.id] }]);
  await on.confirms.stop();
  expect(await publishedAt(unknown)).toBeNull();
});

test("tasks for any endpoint go to the shared queue of their priority, no more together than a manager has slots", async () => {
  const tasks = [await stored("one"), await stored("one"), await stored("one"), await stored("one", { priority: 9 })];
  const ids = tasks.map(({ id }) => id);
  expect(await published(tasks, 3)).toEqual([
    { address: { to: "one", type: "one", band: 0 }, ids: ids.slice(0, 2) },
    { address: { to: "one", type: "one", band: 0 }, ids: [ids[2]] },
    { address: { to: "one", type: "one", band: expect.any(Number) }, ids: [ids[3]] },
  ]);
});

test("a task whose time lies ahead is left to the reconciler", async () => {
  const later = await stored("each", { delayUntil: new Date(Date.now() + 60_000).toISOString() });
  const now = await stored("each", { delayUntil: new Date(Date.now() - 1000).toISOString() });
  expect(await published([later, now], 1)).toMatchObject([{ ids: [now.id] }]);
});

test("a task with jobs is in its message once for each, with its payload as it was stored, in its first state", async () => {
  const task = await stored("each", { jobs: ["crawl", "sync"], payload: '{"n": 1.10}', priority: 3 });
  on.publisher.created([task]);
  const { body } = await until("the message", () => on.transport.sent[0]);
  on.transport.taken();
  expect(body).toContain('"payload":{"n": 1.10}');
  const state = { version: 1, attempt: 0, attempts: 3, generation: 1, timeout_ms: 60_000, priority: 3 };
  const { id, identifier } = task;
  expect(JSON.parse(body).tasks).toMatchObject([
    { id, identifier, job: "crawl", ...state },
    { id, identifier, job: "sync", ...state },
  ]);
});

test("a payload that is too large stays in the store", async () => {
  const task = await stored("each", { payload: JSON.stringify({ text: "ä".repeat(40_000) }) });
  on.publisher.created([task]);
  const { body } = await until("the message", () => on.transport.sent[0]);
  on.transport.taken();
  expect(JSON.parse(body).tasks[0]).not.toHaveProperty("payload");
});

test("the message of a type that is claimed late names who may begin", async () => {
  on.publisher.created([await stored("late")]);
  const { body } = await until("the message", () => on.transport.sent[0]);
  on.transport.taken();
  expect(JSON.parse(body).for).toBe("a");
});

test("a message is signed once there is a key, and carries the first task's trace context as a header", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const parts = await openParts([typeConfig("each", { endpoints: ["a"] })]);
  try {
    parts.publisher.signWith("0".repeat(64));
    parts.publisher.created([await createdTask(parts.store, { type: "each", endpoints: ["a"], traceparent })]);
    const { body, headers } = await until("the message", () => parts.transport.sent[0]);
    expect(headers).toEqual({ traceparent });
    expect(Object.keys(JSON.parse(body))).toHaveLength(4);
  } finally {
    await parts.close();
  }
});

describe("a confirm", () => {
  test("is noted a moment later, and the response rests until its recheck", async () => {
    const task = await stored("each");
    await published([task], 1);
    expect(await publishedAt(task)).toBeNull();
    await until("the note", () => publishedAt(task));
    expect((await on.store.maintenance.due(1000)).map(({ taskId }) => taskId)).not.toContain(task.id);
  });

  test("is noted at once when the process stops", async () => {
    const task = await stored("each");
    await published([task], 1);
    await on.confirms.stop();
    expect(await publishedAt(task)).not.toBeNull();
  });

  test("is not noted for a task that has completed meanwhile", async () => {
    const task = await stored("each");
    await published([task], 1);
    await on.store.managers.finish([endOf(await claimed(on.store, task.id, { endpoint: "a" }))]);
    on.confirms.completed(task.id);
    await on.confirms.stop();
    expect(await publishedAt(task)).toBeNull();
  });

  test("from before a reconnect is not noted: the broker may have been restarted and have lost the message", async () => {
    const [before, after] = [await stored("each"), await stored("each")];
    await published([before], 1);
    on.transport.reconnects++;
    await published([after], 1);
    await on.confirms.stop();
    expect(await publishedAt(before)).toBeNull();
    expect(await publishedAt(after)).not.toBeNull();
  });

  test("that cannot be noted is dropped: the reconciler publishes the task once more", async () => {
    const published = jest.fn(() => Promise.reject(new Error("away")));
    const confirms = new Confirms({ ...on.store.maintenance, markPublished: published }, on.transport, silentLog);
    const task = await stored("each");
    confirms.add([task], ["a"]);
    await confirms.stop();
    await confirms.stop();
    expect(published).toHaveBeenCalledTimes(1);
    expect(await publishedAt(task)).toBeNull();
  });
});

test("what the broker refuses stays unpublished, and takes nothing else with it", async () => {
  on.transport.refuses = ({ address }) => address.to === "endpoint" && address.endpoint === "a";
  const [refused, taken] = [await stored("each"), await stored("each", { endpoints: ["b"] })];
  expect(await published([refused, taken], 1)).toMatchObject([{ ids: [taken.id] }]);
  await until("the other is noted", () => publishedAt(taken));
  expect(await publishedAt(refused)).toBeNull();
});

test("no more than 2000 tasks are under way; the outbox keeps the rest", async () => {
  const task = await stored("each");
  const many = Array.from({ length: 2001 }, () => task);
  expect((await published(many, 40)).flatMap(({ ids }) => ids)).toHaveLength(2000);
});

test("nobody hears of a broker that is away", async () => {
  on.transport.connected = false;
  const task = await stored("each");
  on.publisher.created([task]);
  await new Promise(setImmediate);
  on.transport.connected = true;
  await on.confirms.stop();
  expect(await publishedAt(task)).toBeNull();
});
