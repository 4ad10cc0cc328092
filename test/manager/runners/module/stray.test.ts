import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { grantFor } from "../support";

/** Errors that nobody caught, in a real process: within jest they would be jest's. */
const dir = mkdtempSync(path.join(tmpdir(), "tasker-stray-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Said {
  code: number | null;
  stderr: string;
  /** One for each line that the program printed. */
  lines: Array<Record<string, unknown>>;
}

/** Runs `body` beside `run(handler)`, which performs a handler inline and prints its result, and `log`, which prints what is logged. */
function program(body: string): Promise<Said> {
  const script = path.join(dir, `program-${Math.random().toString(36).slice(2)}.ts`);
  const src = (file: string) => JSON.stringify(path.resolve("src/manager/runners", file));
  writeFileSync(
    script,
    `import { inlineRunner } from ${src("module/inline.ts")};
     import { strayErrors } from ${src("module/stray.ts")};
     import { Stop } from ${src("stop.ts")};
     const print = (what: object) => process.stdout.write(JSON.stringify(what) + "\\n");
     const log = { error: (fields: object, text: string) => print({ ...fields, text }) } as never;
     const options = { handlersDir: ${JSON.stringify(dir)}, graceMs: 100, maxResultBytes: 10_000, maxLogBytes: 10_000, log };
     const hooks = () => ({ stop: new Stop(), progress() {}, log() {}, submit: async () => ({ id: "" }) });
     const work = ${JSON.stringify(grantFor({}))};
     const run = async (handler: any, taskId = "task") =>
       print({ taskId, ...(await inlineRunner("h", handler, options).run({ ...work, taskId }, hooks())) });
     const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
     async function main() { ${body} }
     void strayErrors; void sleep; void main();`,
  );
  const child = spawn(process.execPath, ["--import", "tsx", script], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) =>
    child.once("close", (code) => {
      const lines = stdout.split("\n").filter(Boolean);
      resolve({ code, stderr, lines: lines.map((line) => JSON.parse(line)) });
    }),
  );
}

test.each([
  ["a promise that is left rejected", "Promise.reject(new Error('stray')); await sleep(20_000);"],
  ["the same as the handler returns", "Promise.reject(new Error('stray'));"],
  ["a throw in a timer", "setTimeout(() => { throw new Error('stray'); }, 5); await sleep(20_000);"],
  ["an event that nobody listens to", "require('node:net').connect(1, '127.0.0.1'); await sleep(20_000);"],
  [
    "a rejection of what it imported",
    "import('data:text/javascript,throw new Error(\\'stray\\')'); await sleep(20_000);",
  ],
])("%s fails its own attempt with that error, and no neighbour", async (_, body) => {
  const { lines, code } = await program(`
    const neighbour = run(async () => { await sleep(600); return "fine"; }, "neighbour");
    await run(async () => { ${body} }, "own");
    await neighbour;
    await run(() => "still here", "next");
    process.exit(0);`);
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.objectContaining({
      taskId: "own",
      kind: "failed",
      reason: "error",
      permanent: false,
      error: expect.stringMatching(/^Nobody caught an error of the handler\. Error: (stray|connect ECONNREFUSED)/),
    }),
    expect.objectContaining({ taskId: "neighbour", kind: "succeeded", result: '"fine"' }),
    expect.objectContaining({ taskId: "next", kind: "succeeded" }),
  ]);
});

test("a handler is told by its signal, and what does not end is said to be running still", async () => {
  const { lines } = await program(`
    await run((_: unknown, { signal }: any) => new Promise((_, reject) => {
      signal.addEventListener("abort", () => { print({ told: signal.reason.message }); reject(signal.reason); });
      void Promise.reject(new Error("stray"));
    }), "listens");
    await run(() => new Promise(() => { void Promise.reject(new Error("stray")); }), "deaf");
    process.exit(0);`);
  expect(lines[0]).toEqual({ told: "error" });
  expect(lines[1]).toMatchObject({ taskId: "listens", kind: "failed", reason: "error" });
  expect(lines[1]!.error).not.toContain("still be running");
  expect(lines[2]).toMatchObject({ taskId: "deaf", kind: "failed", reason: "error" });
  expect(lines[2]!.error).toMatch(/stray[\s\S]*it may still be running/);
});

test("what an attempt has left behind is logged under its name, and harms nobody", async () => {
  const { lines, code } = await program(`
    await run(() => { setTimeout(() => Promise.reject(new Error("late")), 50); return 1; }, "first");
    await run(async () => { await sleep(300); return 2; }, "second");
    process.exit(0);`);
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.objectContaining({ taskId: "first", kind: "succeeded" }),
    expect.objectContaining({ task_id: "first", err: expect.stringContaining("late") }),
    expect.objectContaining({ taskId: "second", kind: "succeeded", result: "2" }),
  ]);
});

test("of an error that is nobody's the process's owner is told, with the handlers that were running", async () => {
  const { lines } = await program(`
    strayErrors.onUnowned((error: any, running: unknown) => { print({ untold: error.message, running }); process.exit(0); });
    setTimeout(() => Promise.reject(new Error("nobody's")), 400);
    await run(() => sleep(20_000), "innocent");`);
  const running = [expect.objectContaining({ task_id: "innocent", type: "a-type", endpoint: "here" })];
  expect(lines).toEqual([
    expect.objectContaining({ err: expect.stringContaining("nobody's"), running }),
    { untold: "nobody's", running },
  ]);
});

test("in a program of somebody else an error that is nobody's does what it does without tasker", async () => {
  const plain = await program(`
    await run(() => 1);
    setTimeout(() => Promise.reject(new Error("theirs")), 10);
    await sleep(10_000);`);
  expect(plain.code).toBe(1);
  expect(plain.stderr).toContain("Error: theirs");
  const listening = await program(`
    process.on("unhandledRejection", (error: any) => { print({ heard: error.message }); process.exit(7); });
    await run(() => 1);
    void Promise.reject(new Error("theirs"));
    await sleep(10_000);`);
  expect(listening.code).toBe(7);
  expect(listening.lines.at(-1)).toEqual({ heard: "theirs" });
});
