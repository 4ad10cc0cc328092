import { connect } from "node:net";
import { runInNewContext } from "node:vm";
import { describeError } from "../src/describe-error";

const refused = (address: string) =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED" });
const thrown = (body: string) => {
  try {
    runInNewContext(body);
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};

test("an error is its name, message, own facts, first frames and the whole chain of its causes", () => {
  const root = Object.assign(new Error("no route"), { code: "EHOSTUNREACH" });
  const middle = new TypeError("fetch failed", { cause: root });
  const text = describeError(Object.assign(new Error("upstream", { cause: middle }), { status: 503, code: "E_UP" }));
  expect(text).toMatch(/^Error: upstream \(code E_UP, status 503\)\n\s+at .*describe-error\.test/);
  expect(text).toMatch(/\ncaused by TypeError: fetch failed\n/);
  expect(text).toMatch(/\n\s*caused by Error: no route \(code EHOSTUNREACH\)\n/);
  expect(describeError(middle, "sentence")).toBe("fetch failed: no route (code EHOSTUNREACH)");
});

test("an AggregateError is all of its parts", () => {
  const error = new AggregateError([refused("::1:1"), refused("127.0.0.1:1")], "");
  expect(describeError(error)).toMatch(
    /^AggregateError\n[\s\S]*1\. Error: connect ECONNREFUSED ::1:1\n[\s\S]*2\. Error: connect ECONNREFUSED 127/,
  );
  expect(describeError(error, "sentence")).toBe("connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1");
  const wrapped = new Error("fetch failed", { cause: error });
  expect(describeError(wrapped, "sentence")).toBe(
    "fetch failed: connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1",
  );
  expect(describeError(new AggregateError([1, "two"], "All promises were rejected"), "sentence")).toBe(
    "All promises were rejected: 1; 'two'",
  );
});

test("Node's own error of a name with two addresses keeps both", async () => {
  const error = await new Promise<Error>((resolve) => {
    const both = [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ];
    const lookup = (_: string, __: unknown, done: (error: null, addresses: typeof both) => void) => done(null, both);
    connect({ host: "both.test", port: 1, lookup: lookup as never, autoSelectFamily: true }).on("error", resolve);
  });
  expect(describeError(error, "sentence")).toContain("::1");
  expect(describeError(error, "sentence")).toContain("127.0.0.1:1");
});

test("whoever repeats the message of its cause is told once", () => {
  expect(describeError(new Error("could not: no disk", { cause: new Error("no disk") }), "sentence")).toBe(
    "could not: no disk",
  );
});

test("passwords of URLs are left out", () => {
  const error = new Error("cannot reach mysql://tasker:hunter2@db/tasker", { cause: "amqp://a:hunter2@b" });
  expect(describeError(error)).not.toContain("hunter2");
  expect(describeError(error, "sentence")).not.toContain("hunter2");
});

test("circles, hostile values and very long chains come to an end", () => {
  const circle = new Error("round");
  circle.cause = new AggregateError([circle], "inner");
  expect(describeError(circle)).toContain("round");
  expect(describeError(circle, "sentence")).toBe("round: inner");
  let long = new Error("0");
  for (let i = 1; i < 1000; i++) long = new Error(`${i} ${"x".repeat(100)}`, { cause: long });
  expect(describeError(long).length).toBeLessThan(10_000);
  const parts = new AggregateError(
    Array.from({ length: 1000 }, (_, i) => new Error(`part ${i}`)),
    "many",
  );
  expect(describeError(parts)).toContain("… and 990 more");
  const trap = new Proxy(new Error("x"), {
    get() {
      throw new Error("trap");
    },
  });
  for (const form of ["lines", "sentence"] as const) {
    expect(typeof describeError(trap, form)).toBe("string");
    expect(describeError("plain words", form)).toBe("'plain words'");
    expect(describeError(undefined, form)).toBe("undefined");
    expect(describeError(thrown("throw new Error('elsewhere')"), form)).toContain("elsewhere");
    expect(describeError(new Error("a\0b\ud800"), form)).toMatch(/a␀b\ufffd/);
  }
});
