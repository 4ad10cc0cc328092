import { DeliveryBatch, type Item } from "../../../src/manager/intake/delivery-batch";
import { LocalQueue } from "../../../src/manager/intake/local-queue";
import { newId } from "../../../src/model/ids";

class Hand {
  said: string[] = [];
  readonly delivery = {
    body: "",
    messageId: null,
    redelivered: false,
    headers: {},
    ack: () => void this.said.push("ack"),
    release: () => void this.said.push("release"),
    park: () => void this.said.push("park"),
  };
}

function itemsOf(hand: Hand, priorities: number[]): Item[] {
  const parcel = new DeliveryBatch(hand.delivery, priorities.length, () => void hand.said.push("early"));
  return priorities.map((priority) => ({
    taskId: newId(),
    job: "",
    priority,
    known: null,
    generation: 1,
    mayBegin: false,
    parcel,
    since: 0,
    reported: false,
    secured: false,
  }));
}

test("the highest priority comes first, equal ones in the order of arrival, whatever number a message claims", () => {
  const list = new LocalQueue();
  const items = itemsOf(new Hand(), [0, 9, 5, 9, -3, 1e9, Number.NaN]);
  for (const item of items) list.push(item);
  expect(list.items()).toHaveLength(7);
  const order = Array.from({ length: 7 }, () => items.indexOf(list.shift()!));
  expect(order).toEqual([1, 3, 5, 2, 0, 4, 6]);
  expect(list.shift()).toBeUndefined();
  expect(list.size).toBe(0);
});

test("a delivery is acked once, when all its items are done", () => {
  const hand = new Hand();
  const [a, b] = itemsOf(hand, [0, 0]);
  a!.parcel.done(a!);
  expect(hand.said).toEqual([]);
  b!.parcel.done(b!);
  expect(hand.said).toEqual(["ack"]);
});

test("a delivery of which an item was given back is released, but only when the others are done", () => {
  const hand = new Hand();
  const [a, b] = itemsOf(hand, [0, 0]);
  a!.parcel.giveBack(a!);
  expect(hand.said).toEqual([]);
  b!.parcel.done(b!);
  expect(hand.said).toEqual(["release"]);
});

test("a delivery that is handed over is released at once, and never settled by what still runs here", () => {
  const hand = new Hand();
  const [a, b] = itemsOf(hand, [0, 0]);
  a!.parcel.handOver();
  expect(hand.said).toEqual(["release"]);
  b!.parcel.done(b!);
  a!.parcel.handOver();
  expect(hand.said).toEqual(["release"]);
});

test("a delivery is acked early when each open item is secured, and never settled twice", () => {
  const hand = new Hand();
  const [a, b, c] = itemsOf(hand, [0, 0, 0]);
  a!.parcel.secure(a!);
  a!.parcel.secure(a!);
  b!.parcel.secure(b!);
  expect(hand.said).toEqual([]);
  c!.parcel.done(c!);
  expect(hand.said).toEqual(["early", "ack"]);
  a!.parcel.giveBack(a!);
  b!.parcel.done(b!);
  expect(hand.said).toEqual(["early", "ack"]);
});
