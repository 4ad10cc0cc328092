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
  folder = mkdtempSync(join(tmpdir(), "tasker-endings-"));
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
const followed = (endings: CompletionFeed, task: { type: string; id: string }) =>
  until("its end is stored", async () => {
    while (await endings.follow());
    return (await statusOf(task)) === "succeeded";
  });

test("the end of a task is stored by whoever leads", async () => {
  const endings = new CompletionFeed(store.maintenance, () => []);
  endings.lead(null);
  await endings.follow();
  const task = await ended();
  expect(await statusOf(task)).toBe("pending");
  await followed(endings, task);
});

test("a successor goes on from the place that its predecessor had come to", async () => {
  const [first, second] = [
    new CompletionFeed(store.maintenance, () => []),
    new CompletionFeed(store.maintenance, () => []),
  ];
  first.lead(null);
  await first.follow();
  const place = first.place;
  first.resign();
  expect(first.place).toBeNull();
  const task = await ended();
  second.lead(place);
  await followed(second, task);
});

test("a round that fails is done again", async () => {
  let failures = 1;
  const completeTasks: Store["maintenance"]["completeTasks"] = (responses) =>
    failures-- > 0 ? Promise.reject(new Error("away")) : store.maintenance.completeTasks(responses);
  const endings = new CompletionFeed({ ...store.maintenance, completeTasks }, () => []);
  endings.lead(null);
  await endings.follow();
  const task = await ended();
  await until("the failure", () =>
    endings.follow().then(
      () => false,
      () => true,
    ),
  );
  expect(await statusOf(task)).toBe("pending");
  await followed(endings, task);
});

describe("a task of which not all responses have ended yet", () => {
  let concluded: string[][];
  let endings: CompletionFeed;

  /** One that follows from now on, and notes what it concludes. */
  async function following(maintenance: Partial<Store["maintenance"]> = {}): Promise<CompletionFeed> {
    const completeTasks: Store["maintenance"]["completeTasks"] = (responses) => {
      concluded.push(responses.map(({ taskId, endpoint }) => `${taskId} ${endpoint}`));
      return (maintenance.completeTasks ?? store.maintenance.completeTasks)(responses);
    };
    const one = new CompletionFeed({ ...store.maintenance, ...maintenance, completeTasks }, () => []);
    one.lead(null);
    await one.follow();
    return one;
  }

  /** Ends the task at one endpoint and follows until that has been seen; nothing has become old by then. */
  async function endAt(
    task: { id: string },
    endpoint: string,
    by = endings,
    status: "succeeded" | "failed" = "succeeded",
  ) {
    const place = (await store.maintenance.ended(null, 1)).place;
    await store.managers.finish([endOf(await claimed(store, task.id, { endpoint }), { status })]);
    await endedOf(store, place, [task.id], 1);
    await by.follow(0);
  }

  const isOf = (task: { id: string }) => (endpoints: string[]) => endpoints.some((one) => one.startsWith(task.id));
  const versionOf = async (task: { type: string; id: string }) =>
    (await store.tasks.find(task.type, task.id))!.task.version;

  beforeEach(async () => {
    concluded = [];
    endings = await following();
  });

  test("is left alone until the others have, and stored once", async () => {
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2", "lb-3"] });
    const before = endings.place;
    await endAt(task, "lb-1");
    await endAt(task, "lb-2");
    expect(concluded.filter(isOf(task))).toEqual([]);
    expect(endings.place).toBe(before);
    await endAt(task, "lb-3");
    expect(concluded.filter(isOf(task))).toEqual([[`${task.id} lb-1`, `${task.id} lb-2`, `${task.id} lb-3`]]);
    expect([await statusOf(task), await versionOf(task)]).toEqual(["succeeded", 2]);
    expect(endings.place! > before!).toBe(true);
  });

  test("is stored as running after a second, and then with each end", async () => {
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
    await endAt(task, "lb-1");
    await endings.follow(999);
    expect(await statusOf(task)).toBe("pending");
    await endings.follow(1001);
    expect(await statusOf(task)).toBe("running");
    await endAt(task, "lb-2");
    expect(await statusOf(task)).toBe("succeeded");
  });

  test("is seen whole by a successor", async () => {
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
    await endAt(task, "lb-1");
    const successor = new CompletionFeed(store.maintenance, () => []);
    successor.lead(endings.place);
    endings.resign();
    expect(endings.place).toBeNull();
    await endAt(task, "lb-2", successor);
    expect([await statusOf(task), await versionOf(task)]).toEqual(["succeeded", 2]);
  });

  test("is seen whole again after a round that failed", async () => {
    let failures = 1;
    endings = await following({
      completeTasks: (responses) =>
        failures-- > 0 ? Promise.reject(new Error("away")) : store.maintenance.completeTasks(responses),
    });
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
    await endAt(task, "lb-1");
    await expect(endAt(task, "lb-2")).rejects.toThrow("away");
    expect(await statusOf(task)).toBe("pending");
    await endings.follow(0);
    expect([await statusOf(task), await versionOf(task)]).toEqual(["succeeded", 2]);
  });

  test("is not taken for ended where one of them has been opened again meanwhile", async () => {
    const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
    await endAt(task, "lb-1", endings, "failed");
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
  const endings = new CompletionFeed(store.maintenance, () => types.map((name) => ({ name })));
  endings.lead(null);
  await endings.follow();
  expect(await Promise.all(tasks.map(statusOf))).toEqual(["pending", "pending"]);
  // Once a second: every look is given a later time.
  for (let now = 10_000; now < 30_000; now += 1001) await endings.sweep(now);
  expect(await Promise.all(tasks.map(statusOf))).toEqual(["succeeded", "succeeded"]);
});

test("the sweep looks once a second at most", async () => {
  let looks = 0;
  const missedCompletions: Store["maintenance"]["missedCompletions"] = (of, limit) => {
    looks++;
    return store.maintenance.missedCompletions(of, limit);
  };
  const endings = new CompletionFeed({ ...store.maintenance, missedCompletions }, () => [{ name: "a-type" }]);
  for (const now of [5000, 5100, 5900, 6001, 6500, 7002]) await endings.sweep(now);
  expect(looks).toBe(3);
});
