import { isSealed, sealed } from "../../src/model/seal";

const message = sealed('"v":1,"tasks":[]}', "one");

test("a sealed message is known again, by the same key only, and only as it was", () => {
  expect([isSealed(message, "one"), isSealed(message, "one")]).toEqual([true, true]);
  expect(isSealed(message, "two")).toBe(false);
  expect(isSealed(message.replace('"v":1', '"v":2'), "one")).toBe(false);
  expect(isSealed(message.replace(/"seal":"./, '"seal":"*'), "one")).toBe(false);
  expect(isSealed(message, "one")).toBe(true);
});

test("what was refused once is refused again", () => {
  const foreign = sealed('"v":1,"tasks":[]}', "their own");
  expect([isSealed(foreign, "one"), isSealed(foreign, "one")]).toEqual([false, false]);
  expect([isSealed('{"v":1}', "one"), isSealed('{"seal":"', "one")]).toEqual([false, false]);
});
