import { isSigned, signed } from "../../src/model/signature";

const message = signed('"v":1,"tasks":[]}', "one");

test("a signed message is known again, by the same key only, and only as it was", () => {
  expect([isSigned(message, "one"), isSigned(message, "one")]).toEqual([true, true]);
  expect(isSigned(message, "two")).toBe(false);
  expect(isSigned(message.replace('"v":1', '"v":2'), "one")).toBe(false);
  expect(isSigned(message.replace(/"seal":"./, '"seal":"*'), "one")).toBe(false);
  expect(isSigned(message, "one")).toBe(true);
});

test("what was refused once is refused again", () => {
  const foreign = signed('"v":1,"tasks":[]}', "their own");
  expect([isSigned(foreign, "one"), isSigned(foreign, "one")]).toEqual([false, false]);
  expect([isSigned('{"v":1}', "one"), isSigned('{"seal":"', "one")]).toEqual([false, false]);
});
