import { MAX_TOGETHER, shipmentsToAny, shipmentsToEach } from "../../../src/tasks/publish/shipments";
import { newTask } from "../../store/support";

const sizes = (shipments: ReturnType<typeof shipmentsToAny>) => shipments.map(({ tasks }) => tasks.length);
const many = (count: number, more: Parameters<typeof newTask>[0] = {}) =>
  Array.from({ length: count }, () => newTask({ type: "t", endpoints: ["a"], ...more }));
const A_AND_B = new Set(["a", "b"]);

test("a message carries 50 tasks at most, in their order", () => {
  const tasks = many(120);
  const shipments = shipmentsToEach(tasks, A_AND_B);
  expect(sizes(shipments)).toEqual([50, 50, 20]);
  expect(shipments.flatMap((shipment) => shipment.tasks)).toEqual(tasks);
  expect(MAX_TOGETHER).toBe(50);
});

test("a message carries 64 Ki characters of payload at most, and a task that has more goes alone", () => {
  const half = many(3, { payload: "x".repeat(32 * 1024) });
  const large = many(1, { payload: "x".repeat(100_000) });
  expect(sizes(shipmentsToEach([...half, ...large, ...many(2)], A_AND_B))).toEqual([2, 1, 1, 2]);
});

test("who is meant by each message is told by its address", () => {
  const tasks = [...many(1, { endpoints: ["a", "b"] }), ...many(1), ...many(1, { endpoints: ["b", "c"] })];
  expect(shipmentsToEach(tasks, A_AND_B)).toEqual([
    { address: { to: "all", type: "t" }, tasks: [tasks[0]], endpoints: ["a", "b"] },
    { address: { to: "endpoint", type: "t", endpoint: "a" }, tasks: [tasks[1]], endpoints: ["a"] },
    { address: { to: "endpoint", type: "t", endpoint: "b" }, tasks: [tasks[2]], endpoints: ["b"] },
  ]);
});

test("the only endpoint of a type is addressed by its name", () => {
  expect(shipmentsToEach(many(1), new Set(["a"]))).toMatchObject([{ address: { to: "endpoint", endpoint: "a" } }]);
});

test("more slots than a message may carry change nothing", () => {
  expect(sizes(shipmentsToAny(many(60), 100))).toEqual([50, 10]);
});
