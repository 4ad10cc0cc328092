import { DenseSet, Keys } from "../src/dense-set";

const listed = (name: string) => ({ name, place: -1 });
const names = (roll: DenseSet<{ name: string; place: number }>) => [...roll].map(({ name }) => name).sort();

test("a roll holds what was added until it is taken off, whichever goes first", () => {
  const roll = new DenseSet<{ name: string; place: number }>();
  const [a, b, c] = [listed("a"), listed("b"), listed("c")] as const;
  for (const one of [a, b, c, a]) roll.add(one);
  expect([roll.size, names(roll)]).toEqual([3, ["a", "b", "c"]]);
  roll.delete(a);
  roll.delete(a);
  expect([names(roll), roll.has(a), roll.has(b), roll.has(c)]).toEqual([["b", "c"], false, true, true]);
  roll.delete(c);
  roll.add(a);
  roll.delete(b);
  expect([roll.size, names(roll)]).toEqual([1, ["a"]]);
});

test("who goes through a roll meets everybody who stood on it, though they leave meanwhile", () => {
  const roll = new DenseSet<{ name: string; place: number }>();
  const all = ["a", "b", "c", "d"].map(listed);
  for (const one of all) roll.add(one);
  const met: string[] = [];
  for (const one of roll) {
    met.push(one.name);
    roll.delete(one);
  }
  expect([met.sort(), roll.size]).toEqual([["a", "b", "c", "d"], 0]);
});

test("another roll's place is not taken for one's own", () => {
  const [one, other] = [
    new DenseSet<{ name: string; place: number }>(),
    new DenseSet<{ name: string; place: number }>(),
  ];
  const [a, b] = [listed("a"), listed("b")] as const;
  one.add(a);
  other.add(b);
  other.delete(a);
  expect([one.has(a), other.has(b), other.has(a)]).toEqual([true, true, false]);
});

test("keys are known until they are deleted, also after all were gone", () => {
  const keys = new Keys<string>();
  for (const key of ["a", "b", "a"]) keys.add(key);
  expect([keys.size, [...keys], keys.delete("a"), keys.delete("a")]).toEqual([2, ["a", "b"], true, false]);
  expect([keys.delete("b"), keys.size, keys.has("b")]).toEqual([true, 0, false]);
  keys.add("c");
  expect([[...keys], keys.has("a"), keys.has("c")]).toEqual([["c"], false, true]);
});
