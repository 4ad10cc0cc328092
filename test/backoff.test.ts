import { getEventListeners } from "node:events";
import fc from "fast-check";
import { backoffMs, pause } from "../src/backoff";

const backoff = { firstMs: 1000, factor: 2, maxMs: 300_000 };

test("the delay doubles with each attempt and stops growing at the maximum", () => {
  const delays = [1, 2, 3, 4, 9, 10, 100].map((attempt) => backoffMs(attempt, backoff, 1 - Number.EPSILON));
  expect(delays).toEqual([1000, 2000, 4000, 8000, 256_000, 300_000, 300_000]);
});

test("half of the delay is left to chance", () => {
  expect(backoffMs(3, backoff, 0)).toBe(2000);
  expect(backoffMs(3, backoff, 0.5)).toBe(3000);
});

test("whatever the policy, the delay is a finite number between 0 and the maximum", () => {
  const policy = fc.record({
    firstMs: fc.nat(1e9),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    maxMs: fc.nat(1e9),
  });
  fc.assert(
    fc.property(policy, fc.nat(100_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (p, attempt, random) => {
      const ms = backoffMs(attempt, p, random);
      return Number.isInteger(ms) && ms >= 0 && ms <= p.maxMs;
    }),
  );
});

test("a pause ends at once when its signal aborts, or has aborted before", async () => {
  const ending = new AbortController();
  const long = pause(3_600_000, ending.signal);
  ending.abort();
  await long;
  await pause(3_600_000, ending.signal);
  expect(getEventListeners(ending.signal, "abort")).toEqual([]);
});

test("a pause that is over leaves no listener behind", async () => {
  const ending = new AbortController();
  await pause(1, ending.signal);
  expect(getEventListeners(ending.signal, "abort")).toEqual([]);
});

test("a pause longer than a timer can take does not end at once", async () => {
  const ending = new AbortController();
  const over = jest.fn();
  const long = pause(2 ** 31, ending.signal).then(over);
  await pause(20);
  expect(over).not.toHaveBeenCalled();
  ending.abort();
  await long;
});
