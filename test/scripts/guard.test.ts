import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const GUARD = resolve(__dirname, "../../scripts/lib/guard.js");
const { alive } = require("../../scripts/lib/processes") as { alive(pid: number): boolean };

/** A process that starts another one in `folder`, guards the folder, and tells the other's id. */
const PARENT = `
  const { spawn } = require("node:child_process");
  const { startGuard } = require(${JSON.stringify(GUARD)});
  const folder = process.argv[1];
  const guard = startGuard();
  guard.removeLater(folder);
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    detached: true, stdio: "ignore", env: { ...process.env, BENCH_FOLDER: folder },
  });
  child.unref();
  console.log(child.pid);
  setInterval(() => {}, 1000);
`;

test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
  "what was started in a guarded folder is gone, and the folder with it, when its starter ends by %s",
  async (signal) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "tasker-guard-")));
    const parent = spawn(process.execPath, ["-e", PARENT, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = Number(await firstLine(parent));
    expect(alive(pid)).toBe(true);
    parent.kill(signal);
    while (alive(pid) || existsSync(folder)) await new Promise((done) => setTimeout(done, 25));
  },
);

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done) => child.stdout!.once("data", (text: Buffer) => done(String(text).trim())));
}
