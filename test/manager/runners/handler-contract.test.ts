import type { Runner } from "../../../src/manager/runners/runner";
import { failed, grantFor, ManagerHarness, Recorder, succeeded, typeConfig } from "./support";

/** What a handler module may count on, wherever it runs. */
describe.each(["process", "inline"] as const)("a handler module, isolation: %s", (isolation) => {
  const bench = new ManagerHarness();
  afterAll(() => bench.close());

  const runnerOf = (source: string, more: Parameters<ManagerHarness["runner"]>[1] = {}, extension = "cjs"): Runner => {
    const handler = bench.handler(`handler-${++handlers}`, source, extension);
    return bench.runner(typeConfig({ kind: "module", handler }, { isolation }), more);
  };
  let handlers = 0;

  test("returns a result, with the payload and its context before it", async () => {
    const runner = runnerOf(`exports.handleTask = async (payload, context) => {
      const { signal, progress, log, submit, ...facts } = context;
      return { payload, facts, aborted: signal.aborted };
    };`);
    const payload = { foo: "bar", list: [1, { deep: null }] };
    const grant = grantFor(payload, { job: "a-job", attempt: 2, traceparent: "00-aa-bb-01" });
    const { taskId, type, identifier, endpoint, job, attempt, attempts, traceparent, payload: payloadText } = grant;
    const idempotencyKey = `${taskId}:here:a-job`;
    const row = { taskId, type, identifier, endpoint, job, attempt, attempts };
    const facts = { ...row, idempotencyKey, traceparent, payloadText };
    expect(succeeded(await runner.run(grant, new Recorder()))).toEqual({ payload, facts, aborted: false });
  });

  test("may be a default export, plain or ES module, and may return nothing", async () => {
    const runner = runnerOf("export default async function () {}", {}, "mjs");
    expect(await runner.run(grantFor({}), new Recorder())).toEqual({
      kind: "succeeded",
      result: null,
      resultText: null,
    });
    const plain = runnerOf("module.exports = () => null;");
    expect(await plain.run(grantFor({}), new Recorder())).toMatchObject({ kind: "succeeded", result: "null" });
  });

  test("gets hostile keys of the payload as data", async () => {
    const runner = runnerOf("exports.handleTask = (payload) => [({}).admin === undefined, Object.keys(payload)];");
    const grant = {
      ...grantFor({}),
      payload: '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
    };
    expect(succeeded(await runner.run(grant, new Recorder()))).toEqual([true, ["__proto__", "constructor"]]);
  });

  test("a throw is a failed attempt with message and stack", async () => {
    const runner = runnerOf(
      `exports.handleTask = async () => { throw new TypeError("no disk", { cause: new Error("broken") }); };`,
    );
    const result = failed(await runner.run(grantFor({}), new Recorder()));
    expect(result).toMatchObject({ reason: "error", permanent: false, result: null });
    expect(result.error).toMatch(/^TypeError: no disk\n\s+at .*handler-/);
    expect(result.error).toContain("caused by Error: broken");
  });

  test("whatever is thrown becomes a failure", async () => {
    const runner = runnerOf(`exports.handleTask = async ({ what }) => {
      if (what === "string") throw "plain words";
      if (what === "nothing") throw undefined;
      throw { get name() { throw new Error("trap"); }, get message() { throw new Error("trap"); } };
    };`);
    const run = async (what: string) => failed(await runner.run(grantFor({ what }), new Recorder()));
    expect(await run("string")).toMatchObject({ reason: "error", error: "'plain words'" });
    expect(await run("nothing")).toMatchObject({ reason: "error", error: "undefined" });
    expect(await run("trap")).toMatchObject({ reason: "error" });
  });

  test("PermanentFailure of a handler outside the package ends the attempts", async () => {
    for (const [extension, start] of [
      ["cjs", `const { PermanentFailure } = require("tasker"); exports.handleTask =`],
      ["mjs", `const { PermanentFailure } = await import("tasker"); export const handleTask =`],
    ] as const) {
      // Under jest an ES module outside is loaded by jest itself, which knows no `tasker` there; real processes are what counts.
      if (extension === "mjs" && isolation === "inline") continue;
      const runner = runnerOf(
        `${start} async () => { throw new PermanentFailure("never", "no_such_host"); };`,
        {},
        extension,
      );
      expect(failed(await runner.run(grantFor({}), new Recorder()))).toMatchObject({
        reason: "no_such_host",
        permanent: true,
      });
    }
  });

  test("an error that only has the name of PermanentFailure ends the attempts as well", async () => {
    const runner = runnerOf(
      `exports.handleTask = () => { throw Object.assign(new Error("never"), { name: "PermanentFailure" }); };`,
    );
    expect(failed(await runner.run(grantFor({}), new Recorder()))).toMatchObject({ reason: "error", permanent: true });
  });

  test("progress, log lines and submitted tasks reach the manager", async () => {
    const runner = runnerOf(`exports.handleTask = async (_, context) => {
      context.progress(0.25, "a quarter"); context.progress(7); context.progress("x");
      context.log("one line"); context.log("and \\ud800 another\\n");
      const refused = await context.submit("refused", { identifier: "x" }).catch((error) => [error.message, error.code]);
      return [await context.submit("other", { identifier: "child-1", payload: { a: 1 } }), refused];
    };`);
    const hooks = new Recorder();
    expect(succeeded(await runner.run(grantFor({}), hooks))).toEqual([
      { id: "a-new-task" },
      ["no such type", "unknown_task_type"],
    ]);
    expect(hooks.reports.at(-1)).toEqual([1, isolation === "inline" ? null : "a quarter"]);
    expect(hooks.logged).toBe("one line\nand \ufffd another\n");
    expect(hooks.submitted).toEqual([["other", { identifier: "child-1", payload: { a: 1 } }]]);
  });

  test("log takes levels as well as being called, and what console.log takes", async () => {
    const runner = runnerOf(`exports.handleTask = async (_, context) => {
      const { log } = context, { warn } = log;
      log("called"); log.info("informed"); warn("warned"); log.error("broke"); log.debug("looked");
      log("%d of %s", 3, "7"); log.info({ a: [1, { b: 2 }] }, "and"); log("100 %s"); log.error(new TypeError("kept"));
      log(undefined); log(); log.warn("two\\nlines\\n");
    };`);
    const hooks = new Recorder();
    expect((await runner.run(grantFor({}), hooks)).kind).toBe("succeeded");
    const lines = hooks.logged.split("\n").filter((line) => !line.includes("    at "));
    expect(lines).toEqual([
      ...["called", "informed", "warn: warned", "error: broke", "debug: looked"],
      ...["3 of 7", "{ a: [ 1, { b: 2 } ] } and", "100 %s", "error: TypeError: kept"],
      ...["undefined", "", "warn: two", "lines", ""],
    ]);
  });

  test("a request to submit that JSON cannot carry is refused", async () => {
    const runner = runnerOf(`exports.handleTask = async (_, { submit }) => {
      const said = [];
      for (const n of [NaN, new Map(), () => 1]) await submit("other", { identifier: "x", payload: { n } }).catch((e) => said.push(e.message));
      return said;
    };`);
    const hooks = new Recorder();
    expect(succeeded(await runner.run(grantFor({}), hooks))).toEqual([
      "context.submit: the request holds NaN at /payload/n, which JSON cannot carry.",
      "context.submit: the request holds a Map at /payload/n, which JSON cannot carry.",
      "context.submit: the request holds a function at /payload/n, which JSON cannot carry.",
    ]);
    expect(hooks.submitted).toEqual([]);
  });

  test("the parts of an AggregateError, the chain of causes and an error's own fields are kept", async () => {
    const runner = runnerOf(`exports.handleTask = async ({ what }) => {
      if (what === "any") await Promise.any([Promise.reject(new Error("first")), Promise.reject(new Error("second"))]);
      const root = Object.assign(new Error("root"), { code: "EROOT" });
      throw Object.assign(new Error("outer", { cause: new Error("middle", { cause: root }) }), { status: 418 });
    };`);
    const run = async (what: string) => failed(await runner.run(grantFor({ what }), new Recorder())).error;
    expect(await run("any")).toMatch(/^AggregateError: .*\n[\s\S]*1\. Error: first\n[\s\S]*2\. Error: second/);
    expect(await run("causes")).toMatch(
      /^Error: outer \(status 418\)\n[\s\S]*Error: middle\n[\s\S]*Error: root \(code EROOT\)/,
    );
  });

  test("strings that no text column would take come back as they were", async () => {
    const runner = runnerOf(
      `exports.handleTask = (payload) => ({ payload, lone: "a\\ud800b", nul: "\\0", big: 2 ** 60, face: "😀" });`,
    );
    const result = await runner.run(grantFor({ lone: "\udc00", nul: "\0" }), new Recorder());
    expect(succeeded(result)).toEqual({
      payload: { lone: "\udc00", nul: "\0" },
      lone: "a\ud800b",
      nul: "\0",
      big: 2 ** 60,
      face: "😀",
    });
    const text = (result as { result: string }).result;
    expect(Buffer.from(text).toString()).toBe(text);
    expect(text).not.toContain("\0");
  });

  test("a result over the limit fails, once and for all, with its beginning kept", async () => {
    const runner = runnerOf(`exports.handleTask = ({ size }) => "x".repeat(size);`, { maxResultBytes: 1000 });
    expect(succeeded(await runner.run(grantFor({ size: 998 }), new Recorder()))).toHaveLength(998);
    const result = failed(await runner.run(grantFor({ size: 999 }), new Recorder()));
    expect(result).toMatchObject({ reason: "result_too_large", permanent: true, result: null });
    expect(result.resultText).toMatch(/^"x{900,}… \(\d+ characters left out\)$/);
    expect(result.error).toContain("1001 bytes");
  });

  test("50 MB of result arrive whole where they are allowed, and as a preview where not", async () => {
    const source = `exports.handleTask = () => "x".repeat(50 * 1024 * 1024);`;
    const large = await runnerOf(source, { maxResultBytes: 64 * 1024 * 1024 }).run(grantFor({}), new Recorder());
    expect((large as { result: string }).result).toHaveLength(50 * 1024 * 1024 + 2);
    expect(failed(await runnerOf(source).run(grantFor({}), new Recorder()))).toMatchObject({
      reason: "result_too_large",
    });
  });

  test.each([
    ["10n", "is a bigint"],
    ["() => 1", "is a function"],
    ["Symbol('s')", "is a symbol"],
    ["NaN", "is NaN"],
    ["({ list: [1, undefined] })", "holds undefined at /list/1"],
    ["({ call: () => 1 })", "holds a function at /call"],
    ["new Map([[1, 2]])", "is a Map"],
    ["[new Set()]", "holds a Set at /0"],
    ["({ at: new Date(0), n: Infinity })", "holds Infinity at /n"],
    ["(() => { const circle = {}; circle.self = circle; return circle; })()", "nested deeper than 64"],
    ["({ toJSON() { throw new Error('not me'); } })", "not me"],
  ])("a result that JSON cannot carry is a clear failure: %s", async (expression, says) => {
    const result = failed(
      await runnerOf(`exports.handleTask = () => (${expression});`).run(grantFor({}), new Recorder()),
    );
    expect(result).toMatchObject({ reason: "result_not_json", permanent: true });
    expect(result.error).toContain(says);
  });

  test("a handler that is not there, exports nothing or does not load says so", async () => {
    const missing = bench.runner(typeConfig({ kind: "module", handler: "nowhere" }, { isolation }));
    const result = failed(await missing.run(grantFor({}), new Recorder()));
    expect(result).toMatchObject({ reason: "handler_not_found", permanent: true });
    expect(result.error).toContain(bench.dir);
    const empty = failed(await runnerOf("exports.other = 1;").run(grantFor({}), new Recorder()));
    expect(empty).toMatchObject({ reason: "handler_not_usable", permanent: false });
    expect(empty.error).toContain("exports no function `handleTask`");
    const broken = failed(await runnerOf("exports.handleTask = (;").run(grantFor({}), new Recorder()));
    expect(broken.reason).toBe("handler_not_usable");
    expect(broken.error).toMatch(/could not be loaded/);
    const throws = failed(
      await runnerOf("\nconst x = 1;\nthrow new Error('not today');").run(grantFor({}), new Recorder()),
    );
    expect(throws.error).toMatch(/could not be loaded: Error: not today\n\s+at .*handler-\d+\.cjs:3:/);
  });

  test("a handler that listens stops when told, and says the word it was told", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { signal, log }) => new Promise((_, reject) => {
      signal.addEventListener("abort", () => { log("told: " + signal.reason.message); reject(signal.reason); });
      log("waiting");
    });`);
    const hooks = new Recorder();
    const running = runner.run(grantFor({}), hooks);
    await hooks.saw("waiting");
    hooks.stop.notify("cancel");
    expect(await running).toEqual({ kind: "stopped", killed: false });
    expect(hooks.logged).toContain("told: cancel");
  });

  test("a handler that finishes although it was told to stop has succeeded", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { signal, log }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve("done all the same"));
      log("waiting");
    });`);
    const hooks = new Recorder();
    const running = runner.run(grantFor({}), hooks);
    await hooks.saw("waiting");
    hooks.stop.notify("drain");
    expect(succeeded(await running)).toBe("done all the same");
  });

  test("what comes after the timeout is a timeout, its result kept", async () => {
    const source = `exports.handleTask = ({ wait }, { signal }) => wait && new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(signal.reason.message));
    });`;
    const runner = runnerOf(source, { graceMs: 10_000 });
    // The process is there before the short timeout counts.
    succeeded(await runner.run(grantFor({}), new Recorder()));
    const result = failed(await runner.run(grantFor({ wait: true }, { timeoutMs: 400 }), new Recorder()));
    expect(result).toMatchObject({ reason: "timeout", permanent: false, result: '"timeout"' });
  });

  test("an attempt that was called off before it began does not begin", async () => {
    const hooks = new Recorder();
    hooks.stop.notify("drain");
    const runner = runnerOf(`exports.handleTask = (_, { log }) => log("ran");`);
    expect(await runner.run(grantFor({}), hooks)).toEqual({ kind: "stopped", killed: false });
    expect(hooks.logged).toBe("");
  });
});
