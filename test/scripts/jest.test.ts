import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** runJest on a folder of its own, in a process of its own: what it counts, or the sentence it rejects with. */
async function run(files: Record<string, string>, options = {}): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "tasker-count-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const config = JSON.stringify({ rootDir: dir, testMatch: ["**/*.test.js"] });
  const script = `
    const { runJest } = require(${JSON.stringify(resolve("scripts/lib/jest.js"))});
    runJest(["--config", ${JSON.stringify(config)}, "-i"], {}, ${JSON.stringify(options)})
      .then((counts) => JSON.stringify(counts), (error) => error.message)
      .then((said) => process.stdout.write(said));`;
  try {
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) said += chunk;
    return said;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const PASSES = 'test("passes", () => {});';

describe("the counts of a run of jest", () => {
  test("tell what passed and what failed; a suite that cannot run is a failed test", async () => {
    const files = {
      "a.test.js": `${PASSES} test("fails", () => { throw new Error("no"); });`,
      "b.test.js": "this is no program(",
    };
    expect(await run(files)).toBe('{"passed":1,"failed":2}');
  });

  test("count a skipped test as failed where that is asked for", async () => {
    const files = { "a.test.js": `${PASSES} test.skip("is skipped", () => {});` };
    expect(await run(files)).toBe('{"passed":1,"failed":0}');
    expect(await run(files, { skippedFail: true })).toBe('{"passed":1,"failed":1}');
  });

  test("are none where jest dies before its end", async () => {
    const said = await run({ "a.test.js": 'test("dies", () => process.kill(process.pid, "SIGKILL"));' });
    expect(said).toBe("jest ended (SIGKILL) without a report of the tests.");
  });
});
