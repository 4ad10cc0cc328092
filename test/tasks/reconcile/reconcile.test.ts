import { silentLog } from "../../../src/log";
import { CompletionFeed } from "../../../src/tasks/reconcile/completion-feed";
import type { Duty } from "../../../src/tasks/reconcile/duty";
import { Reconciler } from "../../../src/tasks/reconcile/reconcile";
import { typeConfig } from "../../manager/support";
import { claimed, createdTask, endOf } from "../../store/support";
import { capturingLog } from "../../support/log";
import { until } from "../../support/until";
import { openParts, type Parts } from "../support";

let on: Parts;
const started: Reconciler[] = [];
beforeEach(async () => {
  on = await openParts([typeConfig("work", { endpoints: ["a"] })]);
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((reconciler) => reconciler.stop()));
  await on.close();
});

function reconciler(duties: Duty[], log = silentLog) {
  const feed = new CompletionFeed(on.store.maintenance, () => on.leftovers.types());
  const made = new Reconciler(on.store.maintenance, on.queues, feed, [...duties, feed], log);
  started.push(made);
  return made;
}

/** A duty that counts its rounds. */
class Counting implements Duty {
  rounds = 0;
  constructor(readonly idle?: () => Promise<void>) {}
  async work(): Promise<boolean> {
    this.rounds++;
    return false;
  }
}

test("a task that has ended everywhere is stored as what it came to", async () => {
  reconciler([on.due]).start();
  const task = await createdTask(on.store, { type: "work", endpoints: ["a"] });
  await on.store.managers.finish([endOf(await claimed(on.store, task.id, { endpoint: "a" }))]);
  await until("it is stored", async () => (await on.store.tasks.find("work", task.id))!.task.status === "succeeded");
});

test("one process works at a time, and another takes over at once when it stops", async () => {
  const duties = [new Counting(), new Counting()];
  const [first, second] = duties.map((duty) => reconciler([duty])) as [Reconciler, Reconciler];
  first.start();
  await until("the first leads", () => first.leading);
  second.start();
  const before = duties[0]!.rounds;
  await until("the first goes on", () => duties[0]!.rounds > before + 1);
  expect([second.leading, duties[1]!.rounds]).toEqual([false, 0]);
  await first.stop();
  await until("the second leads", () => second.leading && duties[1]!.rounds > 0);
});

test("who stops has given the lock back by then", async () => {
  const first = reconciler([]);
  first.start();
  await until("it leads", () => first.leading);
  await first.stop();
  const held = await on.store.maintenance.lock("reconciler", "another", 5000, null);
  expect(held).not.toBeNull();
});

test("who does not lead has every duty resign", async () => {
  reconciler([new Counting()]).start();
  await until("the first leads", () => started[0]!.leading);
  let resigned = 0;
  reconciler([{ work: async () => false, resign: () => void resigned++ }]).start();
  await until("the other resigns", () => resigned > 0);
});

test("a round that fails is told to every duty, said once, and repeated", async () => {
  const { log, warnings } = capturingLog();
  let failed = 0;
  let left = 3;
  const failing: Duty = {
    work: async () => (left-- > 0 ? Promise.reject(new Error("away")) : false),
    failed: () => void failed++,
  };
  const after = new Counting();
  const leading = reconciler([failing, after], log);
  leading.start();
  await until("it goes on", () => after.rounds > 0);
  expect(failed).toBe(3);
  expect(warnings()).toEqual(["the reconciler's tick failed; it goes on"]);
});

test("while a duty has more to do, rounds follow each other without a pause, and the later duties know", async () => {
  const seen: boolean[] = [];
  let pages = 5;
  const last: Duty = { work: async (_now, busy) => !seen.push(busy) };
  reconciler([{ work: async () => pages-- > 0 }, new Counting(), last]).start();
  await until("all pages", () => seen.length > 5);
  expect(seen.slice(0, 6)).toEqual([true, true, true, true, true, false]);
});

test("a nudge begins the next round at once, and stopping waits for what is under way", async () => {
  let idle = 0;
  const duty = new Counting(async () => void idle++);
  const made = reconciler([duty]);
  made.start();
  await until("a round", () => duty.rounds > 0);
  made.nudge();
  await until("another", () => duty.rounds > 1);
  await made.stop();
  expect(idle).toBe(1);
  expect(made.lastTick).toBeLessThanOrEqual(performance.now());
});
