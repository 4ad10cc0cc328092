import type { Runner } from "../../../src/manager/runners/runner";
import { Bench, failed, Recorder, succeeded, typeConfig, workOf } from "./support";

/** What a handler module may count on, wherever it runs. */
describe.each(["process", "inline"] as const)("a handler module, isolation: %s", (isolation) => {
  const bench = new Bench();
  afterAll(() => bench.close());

  const runnerOf = (source: string, more: Parameters<Bench["runner"]>[1] = {}, extension = "cjs"): Runner => {
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
    const work = workOf(payload, { job: "a-job", attempt: 2, traceparent: "00-aa-bb-01" });
    const { payload: _, timeoutMs: __, ...facts } = work;
    expect(succeeded(await runner.run(work, new Recorder()))).toEqual({ payload, facts, aborted: false });
  });

  test("may be a default export, plain or ES module, and may return nothing", async () => {
    const runner = runnerOf("export default async function () {}", {}, "mjs");
    expect(await runner.run(workOf({}), new Recorder())).toEqual({ kind: "succeeded", result: null, resultText: null });
    const plain = runnerOf("module.exports = () => null;");
    expect(await plain.run(workOf({}), new Recorder())).toMatchObject({ kind: "succeeded", result: "null" });
  });

  test("gets hostile keys of the payload as data", async () => {
    const runner = runnerOf("exports.handleTask = (payload) => [({}).admin === undefined, Object.keys(payload)];");
    const work = { ...workOf({}), payload: '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}' };
    expect(succeeded(await runner.run(work, new Recorder()))).toEqual([true, ["__proto__", "constructor"]]);
  });

  test("a throw is a failed attempt with message and stack", async () => {
    const runner = runnerOf(
      `exports.handleTask = async () => { throw new TypeError("no disk", { cause: new Error("broken") }); };`,
    );
    const result = failed(await runner.run(workOf({}), new Recorder()));
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
    const run = async (what: string) => failed(await runner.run(workOf({ what }), new Recorder()));
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
      expect(failed(await runner.run(workOf({}), new Recorder()))).toMatchObject({
        reason: "no_such_host",
        permanent: true,
      });
    }
  });

  test("an error that only has the name of PermanentFailure ends the attempts as well", async () => {
    const runner = runnerOf(
      `exports.handleTask = () => { throw Object.assign(new Error("never"), { name: "PermanentFailure" }); };`,
    );
    expect(failed(await runner.run(workOf({}), new Recorder()))).toMatchObject({ reason: "error", permanent: true });
  });

  test("progress, log lines and submitted tasks reach the manager", async () => {
    const runner = runnerOf(`exports.handleTask = async (_, context) => {
      context.progress(0.25, "a quarter"); context.progress(7); context.progress("x");
      context.log("one line"); context.log("and \\ud800 another\\n");
      const refused = await context.submit("refused", { identifier: "x" }).catch((error) => [error.message, error.code]);
      return [await context.submit("other", { identifier: "child-1", payload: { a: 1 } }), refused];
    };`);
    const hooks = new Recorder();
    expect(succeeded(await runner.run(workOf({}), hooks))).toEqual([
      { id: "a-new-task" },
      ["no such type", "unknown_task_type"],
    ]);
    expect(hooks.reports.at(-1)).toEqual([1, isolation === "inline" ? null : "a quarter"]);
    expect(hooks.logged).toBe("one line\nand \ufffd another\n");
    expect(hooks.submitted).toEqual([["other", { identifier: "child-1", payload: { a: 1 } }]]);
  });

  test("strings that no text column would take come back as they were", async () => {
    const runner = runnerOf(
      `exports.handleTask = (payload) => ({ payload, lone: "a\\ud800b", nul: "\\0", big: 2 ** 60, face: "😀" });`,
    );
    const result = await runner.run(workOf({ lone: "\udc00", nul: "\0" }), new Recorder());
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
    expect(succeeded(await runner.run(workOf({ size: 998 }), new Recorder()))).toHaveLength(998);
    const result = failed(await runner.run(workOf({ size: 999 }), new Recorder()));
    expect(result).toMatchObject({ reason: "result_too_large", permanent: true, result: null });
    expect(result.resultText).toMatch(/^"x{900,}… \(\d+ characters left out\)$/);
    expect(result.error).toContain("1001 bytes");
  });

  test("50 MB of result arrive whole where they are allowed, and as a preview where not", async () => {
    const source = `exports.handleTask = () => "x".repeat(50 * 1024 * 1024);`;
    const large = await runnerOf(source, { maxResultBytes: 64 * 1024 * 1024 }).run(workOf({}), new Recorder());
    expect((large as { result: string }).result).toHaveLength(50 * 1024 * 1024 + 2);
    expect(failed(await runnerOf(source).run(workOf({}), new Recorder()))).toMatchObject({
      reason: "result_too_large",
    });
  });

  test.each([
    ["10n", "cannot be written as JSON"],
    ["() => 1", "is a function"],
    ["Symbol('s')", "is a symbol"],
    ["(() => { const circle = {}; circle.self = circle; return circle; })()", "nested deeper than 64"],
    ["({ toJSON() { throw new Error('not me'); } })", "not me"],
  ])("a result that JSON cannot carry is a clear failure: %s", async (expression, says) => {
    const result = failed(
      await runnerOf(`exports.handleTask = () => (${expression});`).run(workOf({}), new Recorder()),
    );
    expect(result).toMatchObject({ reason: "result_not_json", permanent: true });
    expect(result.error).toContain(says);
  });

  test("a handler that is not there, exports nothing or does not load says so", async () => {
    const missing = bench.runner(typeConfig({ kind: "module", handler: "nowhere" }, { isolation }));
    const result = failed(await missing.run(workOf({}), new Recorder()));
    expect(result).toMatchObject({ reason: "handler_not_found", permanent: true });
    expect(result.error).toContain(bench.dir);
    const empty = failed(await runnerOf("exports.other = 1;").run(workOf({}), new Recorder()));
    expect(empty).toMatchObject({ reason: "handler_not_usable", permanent: false });
    expect(empty.error).toContain("exports no function `handleTask`");
    const broken = failed(await runnerOf("exports.handleTask = (;").run(workOf({}), new Recorder()));
    expect(broken.reason).toBe("handler_not_usable");
    expect(broken.error).toMatch(/could not be loaded/);
  });

  test("a handler that listens stops when told, and says the word it was told", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { signal, log }) => new Promise((_, reject) => {
      signal.addEventListener("abort", () => { log("told: " + signal.reason.message); reject(signal.reason); });
      log("waiting");
    });`);
    const hooks = new Recorder();
    const running = runner.run(workOf({}), hooks);
    await hooks.saw("waiting");
    hooks.stop.tell("cancel");
    expect(await running).toEqual({ kind: "stopped", killed: false });
    expect(hooks.logged).toContain("told: cancel");
  });

  test("a handler that finishes although it was told to stop has succeeded", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { signal, log }) => new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve("done all the same"));
      log("waiting");
    });`);
    const hooks = new Recorder();
    const running = runner.run(workOf({}), hooks);
    await hooks.saw("waiting");
    hooks.stop.tell("drain");
    expect(succeeded(await running)).toBe("done all the same");
  });

  test("what comes after the timeout is a timeout, its result kept", async () => {
    const source = `exports.handleTask = ({ wait }, { signal }) => wait && new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(signal.reason.message));
    });`;
    const runner = runnerOf(source, { graceMs: 10_000 });
    // The process is there before the short timeout counts.
    succeeded(await runner.run(workOf({}), new Recorder()));
    const result = failed(await runner.run(workOf({ wait: true }, { timeoutMs: 400 }), new Recorder()));
    expect(result).toMatchObject({ reason: "timeout", permanent: false, result: '"timeout"' });
  });

  test("an attempt that was called off before it began does not begin", async () => {
    const hooks = new Recorder();
    hooks.stop.tell("drain");
    const runner = runnerOf(`exports.handleTask = (_, { log }) => log("ran");`);
    expect(await runner.run(workOf({}), hooks)).toEqual({ kind: "stopped", killed: false });
    expect(hooks.logged).toBe("");
  });
});
