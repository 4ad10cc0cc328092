import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Runner } from "../../../../src/manager/runners/runner";
import { alive, failed, gone, grantFor, ManagerHarness, Recorder, succeeded, typeConfig } from "../support";

/** What only a process of its own can give: a death that is noticed, a handler that can be killed. */
describe("isolation: process", () => {
  const bench = new ManagerHarness();
  afterAll(() => bench.close());
  let handlers = 0;
  const runnerOf = (source: string, more: Parameters<ManagerHarness["runner"]>[1] = {}): Runner =>
    bench.runner(typeConfig({ kind: "module", handler: bench.handler(`handler-${++handlers}`, source) }), more);

  test("processes are reused, one attempt at a time in each", async () => {
    const runner = runnerOf(`let busy = false;
      exports.handleTask = async () => {
        if (busy) throw new Error("two at once");
        busy = true; await new Promise((resolve) => setTimeout(resolve, 20)); busy = false;
        return process.pid;
      };`);
    const first = await Promise.all([1, 2].map(() => runner.run(grantFor({}), new Recorder())));
    const pids = new Set(first.map(succeeded));
    expect(pids.size).toBe(2);
    for (let i = 0; i < 3; i++) expect(pids).toContain(succeeded(await runner.run(grantFor({}), new Recorder())));
    await runner.close();
    await gone(...(pids as Set<number>));
  });

  test.each([
    ["process.exit(3)", "exit_code", "exit code 3"],
    ["process.exit(0)", "exit_code", "exit code 0"],
    ["process.kill(process.pid, 'SIGSEGV')", "signal", "SIGSEGV"],
    ["process.kill(process.pid, 'SIGKILL')", "signal", "SIGKILL"],
    ["setImmediate(() => { throw new Error('out of the blue'); })", "crash", "out of the blue"],
    ["Promise.reject(new Error('nobody waits'))", "crash", "nobody waits"],
    ["require('node:fs').closeSync(3)", "crash", "channel"],
    ["require('node:fs').writeSync(3, 'no message\\n')", "crash", "channel"],
  ])("a process that dies by %s is noticed at once: %s", async (source, reason, says) => {
    const runner = runnerOf(`exports.handleTask = async ({ die }) => {
      if (!die) return "fine";
      console.error("last words");
      ${source};
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    };`);
    const hooks = new Recorder();
    const result = failed(await runner.run(grantFor({ die: true }), hooks));
    expect(result).toMatchObject({ reason, permanent: false });
    expect(result.error).toContain(says);
    if (!source.includes("Error")) expect(result.error).toContain("last words");
    expect(hooks.logged).toContain("last words");
    expect(succeeded(await runner.run(grantFor({ die: false }), new Recorder()))).toBe("fine");
  });

  test("a process that dies takes along what it has started", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { log }) => new Promise(() => {
      const child = require("node:child_process").spawn("sleep", ["600"], { stdio: "inherit" });
      process.stdout.write("pid " + child.pid + "\\n", () => process.exit(3));
    });`);
    const hooks = new Recorder();
    expect(failed(await runner.run(grantFor({}), hooks)).reason).toBe("exit_code");
    await gone(Number(/pid (\d+)/.exec(hooks.logged)![1]));
  });

  test("a death takes no neighbour along", async () => {
    const runner = runnerOf(`exports.handleTask = async ({ die }) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (die) process.kill(process.pid, "SIGSEGV");
      return "fine";
    };`);
    const runs = [false, true, false].map((die) => runner.run(grantFor({ die }), new Recorder()));
    expect((await Promise.all(runs)).map((result) => result.kind)).toEqual(["succeeded", "failed", "succeeded"]);
  });

  test.each([
    ["cjs", "\n\nexports.handleTask = (;", /handler-\d+\.cjs:3\n/],
    ["mjs", "\n\nexport const handleTask = (;", /handler-\d+\.mjs:3\n/],
    ["mjs", "import './imported.mjs';", /imported\.mjs:2\n/],
    ["mjs", "\nimport { nothing } from 'node:fs';", /handler-\d+\.mjs:2\n/],
    ["mjs", "\nconst x = 1;\nthrow new Error('not today');", /handler-\d+\.mjs:3:/],
    ["cjs", "\nrequire('./nowhere');", /nowhere[\s\S]*handler-\d+\.cjs/],
  ])("a handler (%s) that cannot be loaded says in which file and line: %j", async (extension, source, says) => {
    bench.handler("imported", "\nexport const = 1;", "mjs");
    const handler = bench.handler(`handler-${++handlers}`, source, extension);
    const result = failed(
      await bench.runner(typeConfig({ kind: "module", handler })).run(grantFor({}), new Recorder()),
    );
    expect(result.reason).toBe("handler_not_usable");
    expect(result.error).toMatch(says);
  });

  test("a full heap is told apart from other deaths", async () => {
    const runner = runnerOf(`exports.handleTask = async () => {
      const held = [];
      for (;;) held.push(new Array(1_000_000).fill(held.length));
    };`);
    const before = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = `${before ?? ""} --max-old-space-size=64`;
    const running = runner.run(grantFor({}), new Recorder());
    process.env.NODE_OPTIONS = before;
    const result = failed(await running);
    expect(result.reason).toBe("out_of_memory");
    expect(result.error).toContain("heap");
  });

  test("a handler that blocks its event loop is killed at its timeout", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { log }) => { log(String(process.pid)); for (;;); };`);
    const hooks = new Recorder();
    const result = failed(await runner.run(grantFor({}, { timeoutMs: 3000 }), hooks));
    expect(result).toMatchObject({ reason: "timeout", permanent: false });
    expect(result.error).toContain("3000 ms");
    await gone(Number(hooks.logged));
  });

  test("a handler that does not listen is killed with all it started, and said to be killed", async () => {
    const runner = runnerOf(`exports.handleTask = (_, { log }) => new Promise(() => {
      process.on("SIGTERM", () => log("not now"));
      const child = require("node:child_process").spawn("sh", ["-c", "trap '' TERM; while :; do sleep 1; done"], { stdio: "inherit" });
      log("pids:" + process.pid + "," + child.pid + ".");
    });`);
    const hooks = new Recorder();
    const running = runner.run(grantFor({}), hooks);
    await hooks.saw(".\n");
    hooks.stop.notify("cancel");
    expect(await running).toEqual({ kind: "stopped", killed: true });
    expect(hooks.logged).toContain("not now");
    const pids = /pids:(\d+),(\d+)/.exec(hooks.logged)!;
    await gone(Number(pids[1]), Number(pids[2]));
  });

  test("sub-processes that the handler left behind are ended with its process", async () => {
    const runner = runnerOf(
      `exports.handleTask = () => [process.pid, require("node:child_process").spawn("sleep", ["600"]).pid];`,
    );
    const [own, left] = succeeded(await runner.run(grantFor({}), new Recorder())) as number[];
    const [next] = succeeded(await runner.run(grantFor({}), new Recorder())) as number[];
    expect(next).not.toBe(own);
    await runner.close();
    await gone(own!, left!);
  });

  test.each([
    ["a late rejection", "Promise.reject(new Error('late'))"],
    ["a late throw", "setImmediate(() => { throw new Error('late'); })"],
  ])("%s of an earlier attempt does not fail the next one, and ends the process after it", async (_, mess) => {
    const runner = runnerOf(`const { AsyncResource } = require("node:async_hooks");
    let left = null;
    exports.handleTask = async ({ mess }) => {
      if (mess) left = AsyncResource.bind(() => { ${mess}; });
      else {
        left();
        await new Promise((resolve) => setTimeout(resolve, 50));
        await new Promise((resolve) => process.stderr.write("", resolve));
      }
      return process.pid;
    };`);
    const first = succeeded(await runner.run(grantFor({ mess: true }), new Recorder()));
    const hooks = new Recorder();
    expect(succeeded(await runner.run(grantFor({ mess: false }), hooks))).toBe(first);
    expect(hooks.logged).toContain("late");
    expect(succeeded(await runner.run(grantFor({ mess: true }), new Recorder()))).not.toBe(first);
  });

  test("a promise that a handler leaves rejected as it returns fails the attempt", async () => {
    const runner = runnerOf(`exports.handleTask = () => { Promise.reject(new Error("left behind")); return 1; };`);
    const result = failed(await runner.run(grantFor({}), new Recorder()));
    expect(result.reason).toBe("crash");
    expect(result.error).toContain("left behind");
  });

  /** What the next attempt of the type finds; its process is a new one where `changes` is true. */
  const LEFT: Array<[body: string, found: string, changes: boolean]> = [
    ["process.env.LEFT = '1'", "process.env.LEFT ?? null", false],
    ["delete process.env.PATH", "process.env.PATH === undefined", false],
    ["process.chdir('/')", "process.cwd() === '/'", false],
    ["process.env = { LEFT: '1' }", "process.env.LEFT ?? null", true],
    ["process.umask(0)", "process.umask() === 0", true],
    ["process.on('SIGTERM', () => {})", "process.listenerCount('SIGTERM') > 1", true],
    ["Date.now = () => 0", "Date.now() === 0", true],
    ["Array.prototype.toJSON = () => 'hacked'", "'toJSON' in []", true],
    ["Object.prototype.toJSON = () => 'hacked'", "'toJSON' in {}", true],
    ["globalThis.x = 1", "typeof x === 'number'", true],
    ["delete globalThis.structuredClone", "typeof structuredClone === 'undefined'", true],
    ["globalThis.fetch = () => 'hacked'", "fetch.toString().includes('hacked')", true],
    ["JSON.stringify = () => 'hacked'", "JSON.stringify(1) === 'hacked'", true],
    ["JSON.parse = () => 'hacked'", "JSON.parse('1') === 'hacked'", true],
    ["console.log = () => {}", "console.log.toString().includes('{}')", true],
    ["process.stdout.write = () => {}", "process.stdout.write.toString().includes('{}')", true],
    ["globalThis.setTimeout = globalThis.setImmediate = () => {}", "setTimeout.toString().includes('{}')", true],
    ["globalThis.Promise = class {}", "Promise.toString().includes('{}')", true],
    ["Map.prototype.get = () => {}", "new Map([[1, 1]]).get(1) !== 1", true],
    ["Object.setPrototypeOf(Array.prototype, null)", "Object.getPrototypeOf([].__proto__) === null", true],
    ["process.send = process.disconnect = () => {}", "process.send !== undefined", true],
    ["process.removeAllListeners()", "process.listenerCount('SIGTERM') !== 1", true],
  ];
  test.each(LEFT)("%s reaches no other attempt, and its own is answered", async (body, found, changes) => {
    const runner = runnerOf(`const { pid } = process;
      exports.handleTask = (_, context) => { const found = ${found}; ${body}; context.log("ran"); return String([pid, found || false]); };`);
    const pids: string[] = [];
    for (let i = 0; i < 2; i++) {
      const hooks = new Recorder();
      const result = succeeded(await runner.run(grantFor({}), hooks)) as string;
      if (!body.startsWith("Object.prototype.toJSON")) expect(result).toMatch(/^\d+,false$/);
      expect(hooks.logged).toBe("ran\n");
      pids.push(result);
    }
    expect(pids[0] !== pids[1]).toBe(changes);
  });

  test("what Node itself makes when it is first used ends no process", async () => {
    const runner = runnerOf(`exports.handleTask = async () => {
      await fetch("http://127.0.0.1:1/").catch(() => {});
      require("node:https").request("https://127.0.0.1:1/").on("error", () => {}).end();
      await require("node:dns").promises.lookup("localhost");
      crypto.subtle; structuredClone({}); AbortSignal.timeout(5); new Blob(["x"]); performance.now();
      new (require("node:worker_threads").MessageChannel)(); console.error("x"); process.emitWarning("w");
      await require("node:fs/promises").readFile(__filename); await import("node:readline");
      return process.pid;
    };`);
    const first = succeeded(await runner.run(grantFor({}), new Recorder()));
    for (let i = 0; i < 2; i++) expect(succeeded(await runner.run(grantFor({}), new Recorder()))).toBe(first);
  });

  test("what a module does as it loads is its own, and ends no process", async () => {
    const runner = runnerOf(`globalThis.loaded = 1; process.env.LOADED = "1"; Array.prototype.last = function () {};
      exports.handleTask = () => [process.pid, globalThis.loaded, process.env.LOADED];`);
    const first = succeeded(await runner.run(grantFor({}), new Recorder())) as unknown[];
    expect(first.slice(1)).toEqual([1, "1"]);
    expect(succeeded(await runner.run(grantFor({}), new Recorder()))).toEqual(first);
  });

  test("with `reuse: false` each attempt has a process of its own, which ends with it", async () => {
    const handler = bench.handler("fresh", "let runs = 0; exports.handleTask = () => [process.pid, ++runs];");
    const runner = bench.runner(typeConfig({ kind: "module", handler }, { reuse: false }));
    const together = await Promise.all([1, 2].map(() => runner.run(grantFor({}), new Recorder())));
    const answers = [...together, await runner.run(grantFor({}), new Recorder())].map(succeeded) as number[][];
    expect(answers.map(([, runs]) => runs)).toEqual([1, 1, 1]);
    expect(new Set(answers.map(([pid]) => pid)).size).toBe(3);
    await gone(...answers.map(([pid]) => pid!));
  });

  test("what a handler prints is logged, whole lines and bounded", async () => {
    const runner = runnerOf(
      `exports.handleTask = ({ lines }) => {
      console.log("to stdout é"); console.error("to stderr"); process.stdout.write("no line end");
      for (let i = 0; i < lines; i++) console.log("x".repeat(99));
    };`,
      { maxLogBytes: 5000 },
    );
    const hooks = new Recorder();
    await runner.run(grantFor({ lines: 0 }), hooks);
    expect(hooks.logged.split("\n").sort()).toEqual(["", "no line end", "to stderr", "to stdout é"]);
    const flood = new Recorder();
    await runner.run(grantFor({ lines: 100_000 }), flood);
    expect(flood.logged.length).toBeLessThan(150_000);
    expect(flood.logged).toMatch(/… \d+ bytes left out …\n$/);
  });

  test("a child outlives neither its manager's death nor a blocked loop", async () => {
    const handler = bench.handler(
      "blocked",
      `exports.handleTask = (_, { log }) => { log("pid " + process.pid); for (;;); };`,
    );
    const script = path.join(bench.dir, "manager.ts");
    writeFileSync(
      script,
      `import { moduleRunner } from ${JSON.stringify(path.resolve("src/manager/runners/module/module.ts"))};
       import { Stop } from ${JSON.stringify(path.resolve("src/manager/runners/stop.ts"))};
       const log = (text: string) => process.stdout.write(text);
       const runner = moduleRunner("${handler}", 1, true, { handlersDir: ${JSON.stringify(bench.dir)}, graceMs: 100, maxResultBytes: 1000, maxLogBytes: 1000, log: console as never });
       const work = JSON.parse(process.argv[2]!);
       void runner.run(work, { stop: new Stop(), progress() {}, log, submit: async () => ({ id: "" }) });`,
    );
    const manager = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(grantFor({}))], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) =>
      manager.stdout.on("data", (chunk) => resolve(Number(/pid (\d+)/.exec(String(chunk))?.[1]))),
    );
    expect(alive(pid)).toBe(true);
    manager.kill("SIGKILL");
    await gone(pid);
  });

  test("a signal to the whole tree does not end a handler that its manager waits for", async () => {
    const runner = runnerOf(`exports.handleTask = async (_, { log }) => {
      process.kill(process.pid, "SIGINT"); process.kill(process.pid, "SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "still here";
    };`);
    expect(succeeded(await runner.run(grantFor({}), new Recorder()))).toBe("still here");
  });
});
