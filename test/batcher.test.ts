import { Batcher } from "../src/batcher";

test("what waits behind a batch that fails for a reason of all is told at once, and the next call is tried anew", async () => {
  let away = true;
  let runs = 0;
  let fail = () => {};
  const batcher = new Batcher<number, number>(
    async (items) => {
      runs++;
      if (!away) return items;
      await new Promise<void>((_, reject) => {
        fail = () => reject(new Error("away"));
      });
      return items;
    },
    { size: 2, lanes: 1, failsAll: (error) => (error as Error).message === "away" },
  );
  const calls = [1, 2, 3, 4, 5].map((item) => batcher.add(item));
  await new Promise((resolve) => setImmediate(resolve));
  expect(batcher.pending).toBe(3);
  fail();
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(Array(5).fill("rejected"));
  expect(runs).toBe(1);
  away = false;
  expect(await batcher.add(6)).toBe(6);
});
