import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const LOCK = resolve(__dirname, "../../scripts/lib/lock.js");

let dir: string;
let folder: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tasker-lock-"));
  folder = join(dir, "lock");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A process that runs `body` while it holds the lock. */
function holder(body: string): ChildProcess {
  const program = `require(${JSON.stringify(LOCK)}).withLock(${JSON.stringify(folder)}, async () => { ${body} })`;
  return spawn(process.execPath, ["-e", program], { stdio: ["pipe", "pipe", "inherit"] });
}

test("two processes are never inside at once", async () => {
  const log = join(dir, "log");
  const body = `const fs = require("fs"); for (const word of ["in", "out"]) { fs.appendFileSync(${JSON.stringify(log)}, word + "\\n"); await new Promise((done) => setImmediate(done)); }`;
  await Promise.all(Array.from({ length: 6 }, () => once(holder(body), "exit")));
  expect(readFileSync(log, "utf8").trim().split("\n")).toEqual(Array.from({ length: 6 }, () => ["in", "out"]).flat());
  expect(existsSync(folder)).toBe(false);
});

test("the lock of a process that was killed is taken over", async () => {
  const first = holder(
    'process.stdout.write("in"); await new Promise((done) => process.stdin.on("end", done).resume());',
  );
  await once(first.stdout!, "data");
  first.kill("SIGKILL");
  await once(first, "exit");
  expect(existsSync(folder)).toBe(true);
  expect(await once(holder(""), "exit")).toEqual([0, null]);
  expect(existsSync(folder)).toBe(false);
});

test("work that fails gives the lock back", async () => {
  const [code] = await once(holder("process.exitCode = 3; throw new Error('no')"), "exit");
  expect(code).not.toBe(0);
  expect(existsSync(folder)).toBe(false);
});

test("a lock that a living process holds is waited for", async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, "pid"), String(process.pid));
  const waiting = holder('process.stdout.write("in")');
  const entered = once(waiting.stdout!, "data");
  expect(
    await Promise.race([entered.then(() => "entered"), new Promise((done) => setTimeout(done, 400, "waits"))]),
  ).toBe("waits");
  rmSync(folder, { recursive: true });
  await entered;
  await once(waiting, "exit");
});
