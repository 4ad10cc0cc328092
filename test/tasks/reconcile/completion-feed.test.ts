import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../../src/log";
import { openStore } from "../../../src/store/sql/open";
import type { Store } from "../../../src/store/store";
import { CompletionFeed } from "../../../src/tasks/reconcile/completion-feed";
import { claimed, createdTask, endedOf, endOf, fresh, oldId } from "../../store/support";
import { until } from "../../support/until";

let folder: string;
let store: Store;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tasker-feed-"));
  const options = { poolSize: 1, deadlineMs: 20_000, tls: null, log: silentLog };
  store = await openStore({ ...options, uri: `sqlite:${join(folder, "tasker.db")}` });
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const statusOf = async (task: { type: string; id: string }) =>
  (await store.tasks.find(task.type, task.id))!.task.status;

async function ended(more: Parameters<typeof createdTask>[1] = {}) {
  const task = await createdTask(store, more);
  await store.managers.finish([endOf(await claimed(store, task.id))]);
  return task;
}

/** Follows until the feed has nothing more, as ticks do. */
const followed = (feed: CompletionFeed, task: { type: string; id: string }) =>
  until("its end is stored", async () => {
    while (await feed.follow());
    return (await statusOf(task)) === "succeeded";
  });

test("the end of a task is stored by whoever leads", async () => {
  const feed = new CompletionFeed(store.maintenance, () => []);
  feed.lead(null);
  await feed.follow();
  const task = await ended();
  expect(await statusOf(task)).toBe("pending");
  await followed(feed, task);
});

test("a successor goes on from the position that its predecessor had come to", async () => {
  const [first, second] = [
    new CompletionFeed(store.maintenance, () => []),
    new CompletionFeed(store.maintenance, () => []),
  ];
  first.lead(null);
  await first.follow();
  const position = first.position;
  first.resign();
  expect(first.position).toBeNull();
  const task = await ended();
  second.lead(position);
  await followed(second, task);
});

test("a round that fails is done again", async () => {
  let failures = 1;
  const completeTasks: Store["maintenance"]["completeTasks"] = (responses) =>
    failures-- > 0 ? Promise.reject(new Error("away")) : store.maintenance.completeTasks(responses);
  const feed = new CompletionFeed({ ...store.maintenance, completeTasks }, () => []);
  feed.lead(null);
  await feed.follow();
  const task = await ended();
  await until("the failure", () =>
    feed.follow().then(
      () => false,
      () => true,
    ),
  );
  expect(await statusOf(task)).toBe("pending");
  await followed(feed, task);
});

describe("a task of which not all responses have ended yet", () => {
  let feed: CompletionFeed;

  /** Ends the task at one endpoint and follows until the feed has shown it. */
  async function endAt(task: { id: string }, endpoint: string, status: "succeeded" | "failed" = "succeeded") {
    const position = (await store.maintenance.ended(null, 1)).position;
    await store.managers.finish([endOf(await claimed(store, task.id, { endpoint }), { status })]);
    await endedOf(store, position, [task.id], 1);
    await feed.follow();
  }

  const versionOf = async (task: { type: string; id: string }) =>
    (await store.tasks.find(task.type, task.id))!.task.version;

  beforeEach(async () => {
    feed = new CompletionFeed(store.maintenance, () => []);
    feed.lead(null);
    await feed.follow();
  });

  test("is stored as running with its first end, not again with the next, and as complete with its last", async () => {
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2", "lb-3"] });
    const seen: unknown[] = [];
    for (const endpoint of task.endpoints) {
      await endAt(task, endpoint);
      seen.push([await statusOf(task), await versionOf(task)]);
    }
    expect(seen).toEqual([
      ["running", 2],
      ["running", 2],
      ["succeeded", 3],
    ]);
  });

  test("is not taken for ended where one of them has been opened again meanwhile", async () => {
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
    await endAt(task, "lb-1", "failed");
    await store.tasks.retry(task.id, { endpoints: ["lb-1"] }, { waitMs: 60_000, expiresMs: null });
    await endAt(task, "lb-2");
    expect(await statusOf(task)).toBe("running");
    await endAt(task, "lb-1");
    expect(await statusOf(task)).toBe("succeeded");
  });
});

test("what the feed has passed over is found by the sweep, a page at a time, in every type", async () => {
  const types = [fresh("type"), fresh("type")];
  const tasks = await Promise.all(types.map((type) => ended({ type, id: oldId(), endpoints: ["lb-1"] })));
  const feed = new CompletionFeed(store.maintenance, () => types.map((name) => ({ name })));
  feed.lead(null);
  await feed.follow();
  expect(await Promise.all(tasks.map(statusOf))).toEqual(["pending", "pending"]);
  // Once a second: every look is given a later time.
  for (let now = 10_000; now < 30_000; now += 1001) await feed.sweep(now);
  expect(await Promise.all(tasks.map(statusOf))).toEqual(["succeeded", "succeeded"]);
});

test("the sweep looks once a second at most", async () => {
  let looks = 0;
  const missedCompletions: Store["maintenance"]["missedCompletions"] = (of, limit) => {
    looks++;
    return store.maintenance.missedCompletions(of, limit);
  };
  const feed = new CompletionFeed({ ...store.maintenance, missedCompletions }, () => [{ name: "a-type" }]);
  for (const now of [5000, 5100, 5900, 6001, 6500, 7002]) await feed.sweep(now);
  expect(looks).toBe(3);
});
