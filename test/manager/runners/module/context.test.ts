import { setFlagsFromString } from "node:v8";
import { silentLog } from "../../../../src/log";
import { type ContextCalls, factsOf, HandlerContext } from "../../../../src/manager/runners/module/context";
import { inlineRunner } from "../../../../src/manager/runners/module/inline";
import type { TaskContext } from "../../../../src/model/handler";
import { exactJson } from "../../../../src/model/json/exact-json";
import { grantFor, Recorder } from "../support";

const silent: ContextCalls = {
  signal: () => new AbortController().signal,
  progress: () => {},
  log: () => {},
  submit: async () => ({ id: "" }),
};

test("a context may be copied, and its functions taken off it", async () => {
  const ending = new AbortController();
  const said: unknown[] = [];
  const context = new HandlerContext(factsOf(grantFor({})), "00-aa-bb-01", {
    signal: () => ending.signal,
    progress: (fraction, message) => void said.push(fraction, message),
    log: (text) => void said.push(text),
    submit: async (type) => ({ id: type }),
  });
  const { progress, log, submit } = context;
  const copy = { ...context, more: true };
  progress(0.5, "half");
  log("a line");
  expect(await submit("other", { identifier: "x" })).toEqual({ id: "other" });
  expect(said).toEqual([0.5, "half", "a line\n"]);
  expect([copy.signal, copy.traceparent]).toEqual([ending.signal, "00-aa-bb-01"]);
});

test("a context has the payload's text as it was sent", () => {
  const payload = '{"id":9007199254740993}';
  const context = new HandlerContext(factsOf(grantFor({}, { payload })), null, silent);
  expect(context.payloadText).toBe(payload);
  expect(exactJson.stringify(exactJson.parse(context.payloadText))).toBe(payload);
});

test("a context's signal is made when it is asked for", () => {
  let asked = 0;
  const signal = () => {
    asked++;
    return new AbortController().signal;
  };
  const context = new HandlerContext(factsOf(grantFor({})), null, { ...silent, signal });
  expect(asked).toBe(0);
  expect(context.signal.aborted).toBe(false);
  expect(asked).toBe(1);
});

// A getter of its own would make a table of each, which keeps the getter, and with it the attempt, until the next full collection.
test("all contexts have one shape", () => {
  setFlagsFromString("--allow-natives-syntax");
  const sameShape = new Function("a", "b", "return %HaveSameMap(a, b) && %HasFastProperties(b)");
  const [first, ...others] = Array.from(
    { length: 20 },
    () => new HandlerContext(factsOf(grantFor({})), null, { ...silent }),
  );
  expect(others.map((other) => sameShape(first, other))).toEqual(others.map(() => true));
});

test("what an inline handler says after its end is not heard", async () => {
  let kept: TaskContext | null = null;
  const handler = async (_payload: object, context: TaskContext) => {
    kept = context;
    context.log("in time");
    context.progress(0.5);
  };
  const options = { handlersDir: "/", graceMs: 1000, maxResultBytes: 1000, maxLogBytes: 1000, log: silentLog };
  const hooks = new Recorder();
  await inlineRunner("given", handler, options).run(grantFor({}), hooks);
  kept!.log("too late");
  kept!.progress(0.9);
  expect([hooks.logged, hooks.reports]).toEqual(["in time\n", [[0.5, null]]]);
});
