import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Server, startServer, tasker } from "./support";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function candidates(...words: string[]): Promise<string[]> {
  const { stdout } = await server.cli(["__complete", "--", ...words]);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t")[0]!);
}

test("commands, their commands and options are completed", async () => {
  expect(await candidates("sub")).toEqual(["submit"]);
  expect(await candidates("")).not.toContain("__complete");
  expect(await candidates("keys", "")).toEqual(["create", "list", "revoke"]);
  expect(await candidates("retry", "--f")).toEqual(["--failed"]);
});

test("types, endpoints, tasks and statuses are what the server has", async () => {
  const task = (await server.cli(["submit", "echo"])).stdout.split("\t")[0]!;
  expect(await candidates("submit", "ec")).toEqual(["echo"]);
  expect(await candidates("submit", "echo", "--endpoint", "")).toEqual(["a", "b", "ghost"]);
  expect(await candidates("status", "echo/")).toContain(task);
  expect(await candidates("list", "--status", "inc")).toEqual(["incomplete"]);
  expect(await candidates("completion", "")).toEqual(["bash", "zsh", "fish"]);
});

test("a server that is away completes nothing and breaks nothing", async () => {
  const { code, stdout, stderr } = await tasker(["__complete", "--", "submit", ""], {
    env: { TASKER_URL: "http://127.0.0.1:9" },
  });
  expect([code, stdout, stderr]).toEqual([0, "", ""]);
});

test("bash takes the script and completes with it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tasker-bash-"));
  try {
    const main = resolve(process.env.TASKER_TEST_DIST ?? join(__dirname, "../../dist"), "src/cli/main.js");
    writeFileSync(join(folder, "tasker"), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
    const script = `source <(tasker completion bash); COMP_WORDS=(tasker submit ec); COMP_CWORD=2; _tasker; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...process.env, ...server.env, PATH: `${folder}:${process.env.PATH}` };
    const { stdout } = await promisify(execFile)("bash", ["-c", script], { env });
    expect(stdout).toBe("echo\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(["zsh", "fish"])("the script for %s asks the same command", async (shell) => {
  expect((await tasker(["completion", shell])).stdout).toContain("tasker __complete --");
});
