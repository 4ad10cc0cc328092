import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/log";
import type { Store } from "../../src/store/store";
import { openStore } from "../../src/store/typeorm/open";
import { Endings } from "../../src/tasks/endings";
import { claimed, createdTask, endOf, fresh, oldId } from "../store/support";
import { until } from "../support/until";

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
const followed = (endings: Endings, task: { type: string; id: string }) =>
  until("its end is stored", async () => {
    while (await endings.follow());
    return (await statusOf(task)) === "succeeded";
  });

test("the end of a task is stored by whoever leads", async () => {
  const endings = new Endings(store.upkeep, []);
  endings.lead(null);
  await endings.follow();
  const task = await ended();
  expect(await statusOf(task)).toBe("pending");
  await followed(endings, task);
});

test("a successor goes on from the place that its predecessor had come to", async () => {
  const [first, second] = [new Endings(store.upkeep, []), new Endings(store.upkeep, [])];
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
  const conclude: Store["upkeep"]["conclude"] = (responses) =>
    failures-- > 0 ? Promise.reject(new Error("away")) : store.upkeep.conclude(responses);
  const endings = new Endings({ ...store.upkeep, conclude }, []);
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

test("what the feed has passed over is found by the sweep, a page at a time, in every type", async () => {
  const types = [fresh("type"), fresh("type")];
  const tasks = await Promise.all(types.map((type) => ended({ type, id: oldId(), endpoints: ["lb-1"] })));
  const endings = new Endings(store.upkeep, types);
  endings.lead(null);
  await endings.follow();
  expect(await Promise.all(tasks.map(statusOf))).toEqual(["pending", "pending"]);
  // Once a second: every look is given a later time.
  for (let now = 10_000; now < 30_000; now += 1001) await endings.sweep(now);
  expect(await Promise.all(tasks.map(statusOf))).toEqual(["succeeded", "succeeded"]);
});

test("the sweep looks once a second at most", async () => {
  let looks = 0;
  const overlooked: Store["upkeep"]["overlooked"] = (of, limit) => {
    looks++;
    return store.upkeep.overlooked(of, limit);
  };
  const endings = new Endings({ ...store.upkeep, overlooked }, ["a-type"]);
  for (const now of [5000, 5100, 5900, 6001, 6500, 7002]) await endings.sweep(now);
  expect(looks).toBe(3);
});
