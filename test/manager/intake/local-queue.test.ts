import type { ReceivedTask } from "../../../src/manager/intake/delivery-batch";
import { LocalQueue } from "../../../src/manager/intake/local-queue";
import { deliveryOf } from "../support";

class Settlement {
  readonly said: string[] = [];

  delivery(...priorities: number[]): ReceivedTask[] {
    return deliveryOf(
      (how) => void this.said.push(how),
      priorities.map((priority) => ({ priority })),
    );
  }
}

test("the highest priority comes first, equal ones in the order of arrival, whatever number a message claims", () => {
  const list = new LocalQueue();
  const tasks = new Settlement().delivery(0, 9, 5, 9, -3, 1e9, Number.NaN);
  for (const task of tasks) expect(list.push(task)).toBe(true);
  expect(list.tasks()).toHaveLength(7);
  const order = Array.from({ length: 7 }, () => tasks.indexOf(list.shift()!));
  expect(order).toEqual([1, 3, 5, 2, 0, 4, 6]);
  expect(list.shift()).toBeUndefined();
  expect(list.size).toBe(0);
});

test("a task waits once, however many messages come for it; another generation of its response is another task", () => {
  const list = new LocalQueue();
  const settled = () => undefined;
  const [task] = deliveryOf(settled, [{ generation: 1 }]);
  const { taskId } = task!;
  const [again, opened] = deliveryOf(settled, [
    { taskId, generation: null },
    { taskId, generation: 2 },
  ]);
  expect([task, again, opened].map((one) => list.push(one!))).toEqual([true, false, true]);
  list.remove(task!);
  expect([list.size, list.push(again!)]).toEqual([1, true]);
});

test("a delivery is acked once, when all its tasks are done", () => {
  const settlement = new Settlement();
  const [a, b] = settlement.delivery(0, 0);
  a!.batch.done(a!);
  expect(settlement.said).toEqual([]);
  b!.batch.done(b!);
  expect(settlement.said).toEqual(["ack"]);
});

test("a delivery of which a task was given back is released, but only when the others are done", () => {
  const settlement = new Settlement();
  const [a, b] = settlement.delivery(0, 0);
  a!.batch.giveBack(a!);
  expect(settlement.said).toEqual([]);
  b!.batch.done(b!);
  expect(settlement.said).toEqual(["release"]);
});

test("a delivery that is handed over is released at once, and never settled by what still runs here", () => {
  const settlement = new Settlement();
  const [a, b] = settlement.delivery(0, 0);
  a!.batch.handOver();
  expect(settlement.said).toEqual(["release"]);
  b!.batch.done(b!);
  a!.batch.handOver();
  expect(settlement.said).toEqual(["release"]);
});

test("a delivery is acked early when each open task is secured, and never settled twice", () => {
  const settlement = new Settlement();
  const [a, b, c] = settlement.delivery(0, 0, 0);
  a!.batch.secure(a!);
  a!.batch.secure(a!);
  b!.batch.secure(b!);
  expect(settlement.said).toEqual([]);
  c!.batch.done(c!);
  expect(settlement.said).toEqual(["early", "ack"]);
  a!.batch.giveBack(a!);
  b!.batch.done(b!);
  expect(settlement.said).toEqual(["early", "ack"]);
});
