import { Silence } from "../../../src/tasks/reconcile/silence";

const beat = (managerId: string, at: string, ttlMs = 3000) => ({ managerId, at, ttlMs });
const names = (heartbeats: Array<{ managerId: string }>) => heartbeats.map(({ managerId }) => managerId);

test("whose heartbeat stays the same for its time to live is silent, and whose changes is not, whatever the database's clock says", () => {
  const silence = new Silence();
  for (let second = 0; second < 3; second++) {
    const heartbeats = [beat("gone", "2999-01-01"), beat("lives", `19${90 - second}`), beat("patient", "x", 5000)];
    expect(silence.of(heartbeats, second * 1000)).toEqual([]);
  }
  const heartbeats = [beat("gone", "2999-01-01"), beat("lives", "2050"), beat("patient", "x", 5000)];
  expect(names(silence.of(heartbeats, 3000))).toEqual(["gone"]);
});

test("it tells how long until somebody will have been silent for its time to live", () => {
  const silence = new Silence();
  expect(silence.leftMs).toBe(Number.POSITIVE_INFINITY);
  silence.of([beat("m", "a"), beat("patient", "x", 5000)], 0);
  expect(silence.leftMs).toBe(3000);
  silence.of([beat("m", "a"), beat("patient", "x", 5000)], 800);
  expect(silence.leftMs).toBe(2200);
  silence.of([beat("m", "b"), beat("patient", "x", 5000)], 1600);
  expect(silence.leftMs).toBe(3000);
  silence.forget();
  expect(silence.leftMs).toBe(Number.POSITIVE_INFINITY);
});

test("who is heard again begins anew", () => {
  const silence = new Silence();
  for (const [at, now] of [
    ["a", 0],
    ["a", 1000],
    ["a", 2000],
    ["b", 3000],
    ["b", 4000],
    ["b", 5000],
  ] as const)
    expect(silence.of([beat("m", at)], now)).toEqual([]);
  expect(names(silence.of([beat("m", "b")], 6000))).toEqual(["m"]);
});

test("a long time in which nobody looked counts as a third of the time to live only: whoever lives is heard in the rest", () => {
  const silence = new Silence();
  expect(silence.of([beat("m", "a")], 0)).toEqual([]);
  expect(silence.of([beat("m", "a")], 60_000)).toEqual([]);
  expect(silence.of([beat("m", "a")], 120_000)).toEqual([]);
  expect(names(silence.of([beat("m", "a")], 180_000))).toEqual(["m"]);
});

test("what was seen before nobody could be heard counts for nothing", () => {
  const silence = new Silence();
  for (let now = 0; now < 3000; now += 1000) silence.of([beat("m", "a")], now);
  silence.forget();
  for (let now = 3000; now < 6000; now += 1000) expect(silence.of([beat("m", "a")], now)).toEqual([]);
  expect(names(silence.of([beat("m", "a")], 6000))).toEqual(["m"]);
});
