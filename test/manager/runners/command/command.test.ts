import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { PerformerConfig } from "../../../../src/config/config";
import type { Runner, RunResult } from "../../../../src/manager/runners/runner";
import type { Grant } from "../../../../src/store/store";
import { failed, gone, grantFor, ManagerHarness, Recorder, succeeded, typeConfig } from "../support";

type CommandConfig = Extract<PerformerConfig, { kind: "command" }>;

describe("a command", () => {
  const bench = new ManagerHarness();
  afterAll(() => bench.close());

  const runnerOf = (command: string[], more: Partial<CommandConfig> = {}, options = {}): Runner =>
    bench.runner(
      typeConfig({
        kind: "command",
        command,
        successCodes: [0],
        env: [],
        cwd: null,
        maxOutputBytes: 1024 * 1024,
        graceMs: 300,
        ...more,
      }),
      options,
    );
  const sh = (script: string, more: Partial<CommandConfig> = {}, options = {}) =>
    runnerOf(["sh", "-c", script], more, options);
  const run = (runner: Runner, payload: unknown = {}, hooks = new Recorder(), grant: Partial<Grant> = {}) =>
    runner.run(grantFor(payload, grant), hooks);
  const facts = (result: RunResult) => JSON.parse((result as { result: string }).result);

  test("what it prints is the text of the result, with exit code, duration and stderr beside it", async () => {
    const hooks = new Recorder();
    const result = await run(sh("echo out; echo err >&2; printf end"), {}, hooks);
    expect(result).toMatchObject({ kind: "succeeded", resultText: "out\nend" });
    expect(succeeded(result)).toEqual({ exit_code: 0, signal: null, duration_ms: expect.any(Number), stderr: "err\n" });
    expect(hooks.logged).toContain("out\n");
    expect(hooks.logged).toContain("err\n");
    expect(hooks.logged).toMatch(/sh ended with exit code 0 after \d+ ms\n$/);
  });

  test("a last line of JSON becomes the result, byte for byte", async () => {
    const result = await run(sh(`echo working; echo '{"big": 12345678901234567890, "a":[1]}'`));
    expect(result).toMatchObject({ kind: "succeeded", result: '{"big": 12345678901234567890, "a":[1]}' });
    expect((result as { resultText: string }).resultText).toMatch(/^working\n/);
    expect(await run(sh("echo '[1,2'; echo 42"))).toMatchObject({ result: "42" });
    expect(facts(await run(sh(`echo '${"[".repeat(70)}${"]".repeat(70)}'`)))).toHaveProperty("exit_code");
  });

  test("a number is the argument that was sent", async () => {
    const sent = ["9007199254740993", "123456789012345678901", "1.10", "1e23", "1e400"];
    const command = ["printf", "%s ", ...sent.map((_, i) => `{{payload.n.${i}}}`)];
    const result = await run(runnerOf(command), {}, new Recorder(), { payload: `{"n":[${sent.join(",")}]}` });
    expect((result as { resultText: string }).resultText).toBe(`${sent.join(" ")} `);
  });

  test("the payload comes on stdin, and a program need not read it", async () => {
    const payload = { text: "é \u2028 ; $(id)", list: [1] };
    expect(succeeded(await run(runnerOf(["cat"]), payload))).toEqual(payload);
    expect(await run(runnerOf(["true"]), { large: "x".repeat(3_000_000) })).toMatchObject({ kind: "succeeded" });
    const whole = await run(sh("wc -c"), { large: "x".repeat(3_000_000) });
    expect(succeeded(whole)).toBe(JSON.stringify({ large: "x".repeat(3_000_000) }).length);
  });

  test("its environment is the allow-list and the task's facts, and nothing else", async () => {
    process.env.TASKER_TEST_ALLOWED = "yes";
    process.env.TASKER_TEST_SECRET = "never";
    try {
      const runner = runnerOf(["env", "-0"], { env: ["TASKER_TEST_ALLOWED"] });
      const work = { job: "a-job", traceparent: "00-aa-bb-01", attempt: 2 };
      const payload = { NODE_OPTIONS: "--require=/evil", env: { LD_PRELOAD: "/evil.so" } };
      const result = (await run(runner, payload, new Recorder(), work)) as { resultText: string };
      const env = Object.fromEntries(
        result.resultText
          .split("\u2400")
          .filter(Boolean)
          .map((line) => line.split(/=(.*)/s)),
      );
      const { taskId, identifier } = grantFor({});
      const { LANG: _, HOME: __, ...others } = env;
      expect(others).toEqual({
        PATH: process.env.PATH,
        TASKER_TEST_ALLOWED: "yes",
        TASKER_TASK_ID: taskId,
        TASKER_IDENTIFIER: identifier,
        TASKER_TYPE: "a-type",
        TASKER_ENDPOINT: "here",
        TASKER_ATTEMPT: "2",
        TASKER_JOB: "a-job",
        TASKER_IDEMPOTENCY_KEY: `${taskId}:here:a-job`,
        TRACEPARENT: "00-aa-bb-01",
      });
    } finally {
      delete process.env.TASKER_TEST_ALLOWED;
      delete process.env.TASKER_TEST_SECRET;
    }
  });

  test.each([
    "; touch CANARY",
    "$(touch CANARY)",
    "`touch CANARY`",
    "x\ntouch CANARY",
    "' ; touch CANARY ; '",
    "| touch CANARY",
  ])("a payload cannot smuggle a command: %j", async (attack) => {
    const canary = path.join(bench.dir, "canary");
    const value = attack.replace("CANARY", canary);
    const runner = runnerOf(["printf", "%s|", "{{payload.value}}", "last"], { cwd: bench.dir });
    expect(await run(runner, { value })).toMatchObject({ kind: "succeeded", resultText: `${value}|last|` });
    expect(existsSync(canary)).toBe(false);
  });

  test("a payload cannot smuggle an option, leave a field out or become program text", async () => {
    const runner = runnerOf(["printf", "{{payload.value}}"]);
    expect(failed(await run(runner, { value: "--version" }))).toMatchObject({
      reason: "invalid_payload",
      permanent: true,
    });
    const missing = failed(await run(runner, {}));
    expect(missing).toMatchObject({ reason: "invalid_payload", permanent: true });
    expect(missing.error).toContain("{{payload.value}}");
    const code = await run(runnerOf(["sh", "-c", "echo {{payload.value}}"]), { value: "x" });
    expect(failed(code)).toMatchObject({ reason: "unsafe_command", permanent: true });
    const nul = await run(runner, { value: "x" }, new Recorder(), { identifier: "a\0b" });
    expect(failed(nul)).toMatchObject({ reason: "invalid_payload" });
  });

  test("progress lines are reported and taken out of the output", async () => {
    const hooks = new Recorder();
    const script =
      "echo one; echo '::progress 0.4 nearly half'; echo '::progress 70%'; echo '::progress soon'; echo ' ::progress 1'";
    const result = await run(sh(script), {}, hooks);
    expect(hooks.reports).toEqual([
      [0.4, "nearly half"],
      [0.7, null],
    ]);
    expect(result).toMatchObject({ resultText: "one\n::progress soon\n ::progress 1\n" });
    expect(hooks.logged).not.toContain("nearly half");
  });

  test("output is logged as it comes", async () => {
    const hooks = new Recorder();
    const running = run(sh("echo first; exec sleep 60"), {}, hooks);
    await hooks.saw("first");
    hooks.stop.notify("cancel");
    expect(await running).toEqual({ kind: "stopped", killed: false });
  });

  test("an exit code that is not listed is a failure with its last words, a listed one is not", async () => {
    const result = failed(await run(sh("echo text; echo 'no space left' >&2; exit 7")));
    expect(result).toMatchObject({ reason: "exit_code", permanent: false, resultText: "text\n" });
    expect(result.error).toMatch(/exit code 7.*\nno space left$/s);
    expect(facts(result)).toMatchObject({ exit_code: 7, signal: null, stderr: "no space left\n" });
    expect(await run(sh("exit 7", { successCodes: [0, 7] }))).toMatchObject({ kind: "succeeded" });
    for (const [code, reason] of [
      [130, "signal"],
      [143, "signal"],
      [129, "exit_code"],
    ] as const) {
      const caught = failed(await run(sh(`exit ${code}`)));
      expect(caught.reason).toBe(reason);
      expect(facts(caught)).toMatchObject({ exit_code: code, signal: null });
    }
    const signalled = failed(await run(sh("kill -SEGV $$")));
    expect(signalled.reason).toBe("signal");
    expect(facts(signalled)).toMatchObject({ exit_code: null, signal: "SIGSEGV" });
  });

  test("a program that is missing, not executable, or in a missing folder says so", async () => {
    expect(failed(await run(runnerOf(["no-such-program-here"])))).toMatchObject({
      reason: "command_not_found",
      permanent: true,
    });
    const file = path.join(bench.dir, "plain-file");
    writeFileSync(file, "#!/bin/sh\necho ran\n", { mode: 0o644 });
    expect(failed(await run(runnerOf([file])))).toMatchObject({ reason: "command_not_executable", permanent: true });
    const folder = failed(await run(runnerOf(["true"], { cwd: "/no/such/folder" })));
    expect(folder.reason).toBe("command_not_found");
    expect(folder.error).toContain("/no/such/folder");
    const long = await run(runnerOf(["true", "{{payload.long}}"]), { long: "x".repeat(4_000_000) });
    expect(failed(long)).toMatchObject({ reason: "invalid_payload", permanent: true });
  });

  test("a script whose interpreter is missing says so, and is not taken for a program that does not exist", async () => {
    const script = (name: string, first: string) => {
      const file = path.join(bench.dir, name);
      writeFileSync(file, `${first}\necho ran\n`, { mode: 0o755 });
      return file;
    };
    for (const [file, says] of [
      [script("no-shell", "#!/bin/nosuchshell"), "/bin/nosuchshell"],
      [script("no-shell-args", "#! /bin/nosuchshell -e\t-x"), "interpreter /bin/nosuchshell, which"],
      [script("crlf", "#!/bin/sh\r"), 'CRLF): the system looks for an interpreter named "/bin/sh\\r"'],
      [script("empty", "#!"), ""],
      [script("no-loader", "\x7fELF"), ""],
    ] as const) {
      const result = await run(runnerOf([file]));
      if (says === "") continue;
      expect(failed(result)).toMatchObject({ reason: "command_not_executable", permanent: true });
      expect(failed(result).error).toContain(file);
      expect(failed(result).error).toContain(says);
    }
    // Found on the PATH, and in the type's own folder.
    const before = process.env.PATH;
    process.env.PATH = `${before}:${bench.dir}`;
    expect(failed(await run(runnerOf(["no-shell"]))).error).toContain("/bin/nosuchshell");
    process.env.PATH = before;
    expect(failed(await run(runnerOf(["./crlf"], { cwd: bench.dir }))).error).toContain("CRLF");
    expect(failed(await run(runnerOf(["no-shell"]))).reason).toBe("command_not_found");
  });

  test("at its timeout the whole group is told, and killed if it does not listen", async () => {
    const told = failed(
      await run(sh("echo started; trap 'echo goodbye; exit 0' TERM; while :; do sleep 0.1; done"), {}, new Recorder(), {
        timeoutMs: 1500,
      }),
    );
    expect(told).toMatchObject({ reason: "timeout", resultText: "started\ngoodbye\n" });
    const hooks = new Recorder();
    const deaf = `trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo "pids $$ $!."; while :; do sleep 1; done`;
    const result = failed(await run(sh(deaf), {}, hooks, { timeoutMs: 1500 }));
    expect(result.error).toContain("was killed");
    const pids = /pids (\d+) (\d+)\./.exec(hooks.logged)!;
    await gone(Number(pids[1]), Number(pids[2]));
  });

  test("a cancelled command that does not listen is killed, and said to be killed", async () => {
    const hooks = new Recorder();
    const running = run(sh(`trap '' TERM; echo "pid $$."; while :; do sleep 1; done`), {}, hooks);
    await hooks.saw(".\n");
    hooks.stop.notify("cancel");
    expect(await running).toEqual({ kind: "stopped", killed: true });
    await gone(Number(/pid (\d+)/.exec(hooks.logged)![1]));
  });

  test("children that outlive the program are ended with it", async () => {
    const result = await run(sh(`sleep 600 & nohup sleep 600 >/dev/null 2>&1 & echo "$!"`));
    await gone(succeeded(result) as number);
  });

  test("100 MB of output cost no memory and are kept as beginning and end, with what is missing stated", async () => {
    const hooks = new Recorder();
    const runner = sh(`echo first; head -c 104857600 /dev/zero | tr '\\0' 'x'; echo; echo '{"last":true}'`, {
      maxOutputBytes: 10_000,
    });
    const before = process.memoryUsage().rss;
    const result = (await run(runner, {}, hooks)) as { result: string; resultText: string };
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    expect(result.result).toBe('{"last":true}');
    expect(result.resultText).toMatch(/^first\nx+\n… (\d+) bytes left out …\nx+\n\{"last":true\}\n$/);
    const leftOut = Number(/… (\d+) bytes/.exec(result.resultText)![1]);
    const mark = Buffer.byteLength(`\n… ${leftOut} bytes left out …\n`);
    expect(leftOut + Buffer.byteLength(result.resultText) - mark).toBe(6 + 104857600 + 1 + 14);
    expect(hooks.logged.length).toBeLessThan(1_300_000);
    expect(hooks.logged).toMatch(/… \d+ bytes left out …\n.*exit code 0/);
  });

  test("a hundred million short lines are no slower than long ones", async () => {
    expect(await run(sh("yes | head -c 50000000", { maxOutputBytes: 1000 }))).toMatchObject({ kind: "succeeded" });
  });

  test("output that is not text becomes text", async () => {
    const result = (await run(sh("printf 'a\\000b\\377c \\303\\251'"))) as { resultText: string };
    expect(result.resultText).toBe("a\u2400b\ufffdc é");
  });
});
