import { isJson, jsonOf, NotJson } from "../../../src/model/json/json";

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

test.each<[string, unknown, string]>([
  ["scalars", [null, true, 0, -1.5, "text"], '[null,true,0,-1.5,"text"]'],
  ["a property that is undefined", { a: undefined, b: 1 }, '{"b":1}'],
  ["a date", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ["an object of a class", new Point(1, 2), '{"x":1,"y":2}'],
  [
    "what says by toJSON what stands for it",
    { url: new URL("http://a/"), buffer: Buffer.from("a") },
    '{"url":"http://a/","buffer":{"type":"Buffer","data":[97]}}',
  ],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ["empty ones", [{}, [], ""], '[{},[],""]'],
  ["boxed scalars", [new String(""), new Number(1), new Boolean(false)], '["",1,false]'],
])("%s is written as JSON.stringify does", (_, value, json) => {
  expect(jsonOf(value)).toBe(json);
  expect(isJson(json)).toBe(true);
});

test.each<[string, unknown, string]>([
  ["NaN", Number.NaN, "is NaN, which JSON cannot carry"],
  ["Infinity", { a: [1, Number.POSITIVE_INFINITY] }, "holds Infinity at /a/1,"],
  ["-Infinity", [Number.NEGATIVE_INFINITY], "holds -Infinity at /0,"],
  ["undefined in a list", { list: [1, undefined] }, "holds undefined at /list/1,"],
  ["a hole in a list", new Array(1), "holds undefined at /0,"],
  ["a function", { "a/b": { "c~d": () => 1 } }, "holds a function at /a~1b/c~0d,"],
  ["a symbol", [Symbol("s")], "holds a symbol at /0,"],
  ["a bigint", { n: 1n }, "holds a bigint at /n,"],
  ["a Map", { m: new Map([[1, 2]]) }, "holds a Map at /m,"],
  ["a Set", new Set([1]), "is a Set,"],
  ["a WeakMap", [new WeakMap()], "holds a WeakMap at /0,"],
  ["a promise", { a: Promise.resolve(1) }, "holds a Promise at /a,"],
  ["an error", [new Error("x")], "holds an Error at /0,"],
  ["a pattern", [/x/], "holds a RegExp at /0,"],
  ["bytes", { bytes: new Uint8Array(2) }, "holds a Uint8Array at /bytes,"],
  ["a buffer of bytes", [new ArrayBuffer(2)], "holds an ArrayBuffer at /0,"],
  ["an iterator", [[1].values()], "holds an Array Iterator at /0,"],
  ["parameters of an address", [new URLSearchParams("a=1")], "holds a URLSearchParams at /0,"],
  ["boxed NaN", [new Number(Number.NaN)], "holds a Number at /0,"],
  ["NaN beside a date", { at: new Date(0), n: Number.NaN }, "holds NaN at /n,"],
  ["NaN that toJSON gives", { at: { toJSON: () => ({ n: [Number.NaN] }) } }, "holds NaN at …/0,"],
  ["a Map that toJSON gives", { toJSON: () => new Map() }, "is a Map,"],
  ["nothing that toJSON gives", { toJSON: () => undefined }, "is undefined,"],
  [
    "a toJSON that throws",
    {
      toJSON: () => {
        throw new Error("not me");
      },
    },
    "cannot be written as JSON: not me",
  ],
])("%s is refused", (_, value, message) => {
  expect(() => jsonOf(value)).toThrow(NotJson);
  expect(() => jsonOf(value)).toThrow(message);
});

test("circles and deep values are refused, however many ways lead round", () => {
  const circle: Record<string, unknown> = {};
  Object.assign(circle, { a: circle, b: circle, c: [circle] });
  expect(() => jsonOf(circle)).toThrow("is nested deeper than 64 levels, or in a circle");
  const nest = (levels: number): unknown => (levels === 0 ? 1 : [nest(levels - 1)]);
  expect(isJson(jsonOf(nest(64)))).toBe(true);
  expect(() => jsonOf(nest(65))).toThrow("nested deeper");
  expect(() => jsonOf({ at: new Date(0), deep: { toJSON: () => nest(65) } })).toThrow("nested deeper");
});

test("JSON is exactly one value", () => {
  for (const text of ["hacked", "", "1,2", '{}],"x":[{}', "NaN", "{'a':1}", '"\n"', "[1", "nul", "undefined"]) {
    expect([text, isJson(text)]).toEqual([text, false]);
  }
  for (const text of ["null", " 1 ", "1e400", '{"a":1,"a":2}', '"\\ud800"']) expect(isJson(text)).toBe(true);
});
