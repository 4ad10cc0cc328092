import { Deadlines } from "../src/deadlines";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test("a call is abandoned soon after its deadline, once, and not before", () => {
  const deadlines = new Deadlines();
  const abandoned: string[] = [];
  deadlines.watch(performance.now() + 1000, () => abandoned.push("late"));
  deadlines.watch(performance.now() + 300, () => abandoned.push("early"));
  jest.advanceTimersByTime(290);
  expect(abandoned).toEqual([]);
  jest.advanceTimersByTime(100);
  expect(abandoned).toEqual(["early"]);
  jest.advanceTimersByTime(5000);
  expect(abandoned).toEqual(["early", "late"]);
});

test("a call that has ended is let be, and without calls nothing ticks", () => {
  const deadlines = new Deadlines();
  const ended = deadlines.watch(performance.now() + 100, () => {
    throw new Error("it had ended");
  });
  ended();
  expect(jest.getTimerCount()).toBe(1);
  jest.advanceTimersByTime(60);
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(1000);
});

test("what the end of one call has ended is not abandoned as well", () => {
  const deadlines = new Deadlines();
  const abandoned: string[] = [];
  deadlines.watch(performance.now() + 100, () => {
    abandoned.push("first");
    endSecond();
  });
  const endSecond = deadlines.watch(performance.now() + 100, () => abandoned.push("second"));
  jest.advanceTimersByTime(1000);
  expect(abandoned).toEqual(["first"]);
});
