import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until";
import { makePlace, type Place, type Server, shell, start, startServer, startShell, withTasker } from "./support";

/** Output that is not written is an error, whoever wrote it. */

const STACK = /\n\s+at |node:/;

describe("a command's output", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  const run = (line: string) => shell(line, { cwd: server.folder, env: server.env });

  test.each([
    "tasker list --json",
    "tasker config print",
    "tasker completion bash",
    "tasker submit --help",
    "tasker submit echo --wait --quiet",
  ])("%s says that there is no space for it, and ends with 10", async (line) => {
    const { code, stderr } = await run(`${line} >/dev/full`);
    expect(code).toBe(10);
    expect(stderr).toContain(
      "error: standard output could not be written: no space is left on the device (ENOSPC)\n  next     the command itself has finished",
    );
    expect(stderr).not.toMatch(STACK);
  });

  test("a file that may not grow any further gets its beginning, and the command ends with 10", async () => {
    const line = "trap '' XFSZ; ulimit -f 1; tasker config print --json >part.json";
    const { code, stderr } = await run(line);
    expect([code, stderr]).toEqual([10, expect.stringContaining("(EFBIG)")]);
    expect(readFileSync(join(server.folder, "part.json"), "utf8")).toMatch(/^\{/);
  });

  test("sentences that cannot be written are an error where nothing else was, and never hide another", async () => {
    expect((await run("tasker submit echo --wait 2>/dev/full")).code).toBe(10);
    expect((await run("tasker submit nothing 2>/dev/full")).code).toBe(7);
    expect((await run("tasker list --json >/dev/full 2>/dev/full")).code).toBe(10);
  });

  test("a reader that has seen enough is no error: 141, and nothing is said", async () => {
    const { code, stderr } = await run("tasker config print --json | true; exit ${PIPESTATUS[0]}");
    expect([code, stderr]).toEqual([141, ""]);
    expect((await run("tasker list --json 2>&1 | head -1")).stdout).toBe("{\n");
  });

  test("a log that is followed ends when its reader leaves; the task goes on", async () => {
    const task = (await server.cli(["submit", "gate", "-e", "a", "--set", `door=${server.door("left")}`, "-q"])).stdout;
    const following = start(["log", task.trim(), "--follow"], { env: server.env });
    await until("the first line", () => following.stdout().includes("waiting"));
    following.child.stdout!.destroy();
    server.open("left");
    expect(await following.ended).toMatchObject({ code: 141, stderr: "" });
    expect((await server.cli(["wait", task.trim()])).code).toBe(0);
  });

  test("a key that could not be shown is removed again", async () => {
    const made = await run("tasker keys create --name unseen --scope read >/dev/full");
    expect([made.code, made.stderr]).toEqual([10, expect.stringContaining("it was removed again")]);
    expect((await server.cli(["keys", "list"])).stdout).toBe("");
  });
});

describe("a serving process", () => {
  let place: Place;
  beforeEach(() => {
    place = makePlace();
  });
  afterEach(() => place.remove());

  test("whose ready line cannot be written says so and ends with 10", async () => {
    const { code, stderr } = await shell("exec tasker up >/dev/full", { cwd: place.folder });
    expect(code).toBe(10);
    expect(stderr).toContain(
      "error: the ready line could not be written to standard output: no space is left on the device (ENOSPC)",
    );
    expect(stderr).not.toMatch(STACK);
  });

  test("serves on when its log cannot be written and nobody reads its standard output any more", async () => {
    const line = "exec tasker up 2>/dev/full";
    const up = startShell(line, { cwd: place.folder, env: { TASKER_LOG_LEVEL: "debug" } });
    const url = await until("the ready line", () => /http:\/\/\S+/.exec(up.stdout())?.[0]);
    up.child.stdout!.destroy();
    const stored = await fetch(`${url}/echo`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"identifier":"logged nowhere"}',
    });
    const { id } = (await stored.json()) as { id: string };
    const done = await (await fetch(`${url}/echo/${id}?wait=30`)).json();
    expect(done).toMatchObject({ status: "succeeded" });
    up.child.kill("SIGTERM");
    expect((await up.ended).code).toBe(0);
  });
});

test("a terminal that is gone is an error: 10", async () => {
  const place = makePlace();
  const file = (name: string) => join(place.folder, name);
  // The terminal is made by `script`: the line goes on when that has been killed.
  const line =
    "trap '' HUP; : >waits; until [ -e doors/go ]; do sleep 0.1; done; tasker config print 2>said; echo $? >ended";
  writeFileSync(file("line.sh"), withTasker(line));
  const terminal = startShell("exec script -qefc 'bash line.sh' /dev/null", { cwd: place.folder });
  await until("the line to wait", () => existsSync(file("waits")));
  terminal.child.kill("SIGKILL");
  await terminal.ended;
  place.open("go");
  const code = await until("its end", () => existsSync(file("ended")) && readFileSync(file("ended"), "utf8").trim());
  expect([code, readFileSync(file("said"), "utf8")]).toEqual(["10", expect.stringContaining("(EIO)")]);
  place.remove();
});
