import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Grant } from "../../src/store/store";
import { failed, grantFor, ManagerHarness, Recorder, succeeded, typeConfig } from "../manager/runners/support";

/** The samples as they are performed: found by name, in a process of their own. */
const bench = new ManagerHarness();
const runnerOf = (handler: string, isolation: "process" | "inline" = "process") =>
  bench.runner(typeConfig({ kind: "module", handler }, { isolation }), { handlersDir: path.resolve("handlers") });

afterAll(() => bench.close());

describe("noop", () => {
  test.each(["process", "inline"] as const)(
    "returns what it was given and says which endpoint (%s)",
    async (isolation) => {
      const payload = { foo: "bar", wait_ms: 60 };
      const hooks = new Recorder();
      expect(succeeded(await runnerOf("noop", isolation).run(grantFor(payload), hooks))).toEqual({
        endpoint: "here",
        payload,
      });
      expect(hooks.reports.at(-1)).toEqual([1, "60 of 60 ms"]);
    },
  );

  test("fails when asked to", async () => {
    const runner = runnerOf("noop");
    const run = (fail: unknown, attempt = 1) => runner.run(grantFor({ fail }, { attempt }), new Recorder());
    expect(failed(await run(true))).toMatchObject({ reason: "error", permanent: false });
    expect(failed(await run("permanent"))).toMatchObject({ permanent: true });
    expect((await run(1, 1)).kind).toBe("failed");
    expect((await run(1, 2)).kind).toBe("succeeded");
  });

  test("stops when told", async () => {
    const hooks = new Recorder();
    const running = runnerOf("noop").run(grantFor({ wait_ms: 60_000 }), hooks);
    while (hooks.reports.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    hooks.stop.notify("cancel");
    expect(await running).toEqual({ kind: "stopped", killed: false });
  });
});

describe("system-report", () => {
  test("tells facts of the machine, all or those asked for", async () => {
    const runner = runnerOf("system-report");
    const all = succeeded(await runner.run(grantFor({}), new Recorder()));
    expect(all).toMatchObject({
      endpoint: "here",
      system: { hostname: os.hostname(), node: process.version },
      processors: { count: os.cpus().length },
      memory: { total_bytes: os.totalmem() },
      disk: { path: "/", total_bytes: expect.any(Number) },
    });
    const one = succeeded(await runner.run(grantFor({ sections: ["memory"] }), new Recorder()));
    expect(Object.keys(one as object)).toEqual(["endpoint", "reported_at", "memory"]);
    expect(failed(await runner.run(grantFor({ sections: ["secrets"] }), new Recorder())).error).toContain("secrets");
  });

  test("keeps inline, as it is shipped, to what that asks for: it ends when told, and fails no attempt but its own", async () => {
    const runner = runnerOf("system-report", "inline");
    const hooks = new Recorder();
    hooks.progress = () => hooks.stop.notify("cancel");
    expect(await runner.run(grantFor({}), hooks)).toEqual({ kind: "stopped", killed: false });
    const before = [{ ...process.env }, process.cwd(), Object.keys(globalThis), process.eventNames()];
    const results = await Promise.all(
      [{ path: "/nowhere/at/all" }, { sections: "all" }, { sections: [null] }, {}].map((payload) =>
        runner.run(grantFor(payload), new Recorder()),
      ),
    );
    expect(results.map(({ kind }) => kind)).toEqual(["failed", "failed", "failed", "succeeded"]);
    expect([{ ...process.env }, process.cwd(), Object.keys(globalThis), process.eventNames()]).toEqual(before);
  });
});

describe("app-update", () => {
  const root = mkdtempSync(path.join(os.tmpdir(), "tasker-app-update-"));
  const home = path.join(root, "here", "shop");
  const archives = path.join(root, "archives");
  let runner: ReturnType<typeof runnerOf>;
  beforeAll(() => {
    mkdirSync(archives);
    process.env.APP_UPDATE_ROOT = root;
    process.env.APP_UPDATE_ARCHIVES = archives;
    runner = runnerOf("app-update");
  });
  afterAll(() => {
    delete process.env.APP_UPDATE_ROOT;
    delete process.env.APP_UPDATE_ARCHIVES;
    rmSync(root, { recursive: true, force: true });
  });
  beforeEach(() => rmSync(path.join(root, "here"), { recursive: true, force: true }));

  const run = (payload: unknown, more: Partial<Grant> = {}, hooks = new Recorder()) =>
    runner.run(grantFor({ target: "shop", ...(payload as object) }, more), hooks);

  const archiveOf = (files: Record<string, string>, args: string[] = ["."]): Buffer => {
    const dir = mkdtempSync(path.join(bench.dir, "archive-"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
      writeFileSync(path.join(dir, name), text);
    }
    return execFileSync("tar", ["-czPf", "-", "-C", dir, ...args]);
  };
  const base64 = (files: Record<string, string>) => archiveOf(files).toString("base64");
  const entries = () =>
    existsSync(path.join(home, "releases")) ? readdirSync(path.join(home, "releases")).sort() : [];

  test("unpacks a release, switches to it, and reports progress", async () => {
    const hooks = new Recorder();
    const first = await run(
      { version: "2.0", archive_base64: base64({ "app.txt": "two", "lib/deep.txt": "d" }) },
      {},
      hooks,
    );
    expect(succeeded(first)).toMatchObject({ endpoint: "here", version: "2.0", previous: null, unpacked: true });
    expect(readFileSync(path.join(home, "current/lib/deep.txt"), "utf8")).toBe("d");
    expect(hooks.reports.at(-1)?.[0]).toBe(1);
    writeFileSync(path.join(archives, "shop.tar.gz"), archiveOf({ "app.txt": "two point one" }));
    expect(succeeded(await run({ version: "2.1", archive: "shop.tar.gz" }))).toMatchObject({ previous: "2.0" });
    expect(readlinkSync(path.join(home, "current"))).toBe("releases/2.1");
    expect(entries()).toEqual(["2.0", "2.1"]);
    expect(readdirSync(home).sort()).toEqual(["current", "releases"]);
  });

  test("may run again: the same version is not unpacked twice, another archive under its name is refused", async () => {
    const payload = { version: "2.0", archive_base64: base64({ "app.txt": "two" }) };
    await run(payload);
    writeFileSync(path.join(home, "current/app.txt"), "changed since");
    expect(succeeded(await run(payload))).toMatchObject({ unpacked: false, previous: "2.0" });
    expect(readFileSync(path.join(home, "current/app.txt"), "utf8")).toBe("changed since");
    const conflict = await run({ version: "2.0", archive_base64: base64({ "app.txt": "other" }) });
    expect(failed(conflict)).toMatchObject({ reason: "version_conflict", permanent: true });
  });

  test("what a killed attempt left behind is removed by the next", async () => {
    const payload = { version: "2.0", archive_base64: base64({ "app.txt": "two" }) };
    const own = createHash("sha256")
      .update(`${grantFor({}).taskId}:here`)
      .digest("hex")
      .slice(0, 16);
    mkdirSync(path.join(home, "releases", `.unpacking-${own}`), { recursive: true });
    writeFileSync(path.join(home, "releases", `.unpacking-${own}`, "half.txt"), "half");
    symlinkSync("releases/none", path.join(home, `.current-${own}`));
    succeeded(await run(payload, { attempt: 2 }));
    expect(entries()).toEqual(["2.0"]);
    expect(readdirSync(path.join(home, "current")).sort()).toEqual([".release.json", "app.txt"]);
    expect(readdirSync(home).sort()).toEqual(["current", "releases"]);
  });

  test.each([
    ["no gzip", () => Buffer.from("this is not an archive")],
    ["nothing", () => Buffer.alloc(0)],
    ["no tar inside", () => gzipSync("x".repeat(2000))],
    ["cut off", () => archiveOf({ "app.txt": "x".repeat(100_000) }).subarray(0, 150)],
    [
      "a tar cut off",
      () =>
        gzipSync(execFileSync("gzip", ["-dc"], { input: archiveOf({ "a.txt": "x".repeat(9000) }) }).subarray(0, 4000)),
    ],
    ["an absolute path", () => archiveOf({}, [path.join(bench.dir, "outside.txt")])],
    ["a path upwards", () => archiveOf({ "a/b.txt": "b" }, ["--transform=s,a/b.txt,../../escaped.txt,", "a/b.txt"])],
    [
      "a file that is a folder later on",
      () => {
        const dir = mkdtempSync(path.join(bench.dir, "clash-"));
        const tar = path.join(dir, "all.tar");
        writeFileSync(path.join(dir, "a"), "file");
        execFileSync("tar", ["-cf", tar, "-C", dir, "a"]);
        rmSync(path.join(dir, "a"));
        mkdirSync(path.join(dir, "a"));
        writeFileSync(path.join(dir, "a/b.txt"), "below");
        execFileSync("tar", ["-rf", tar, "-C", dir, "a/b.txt"]);
        return gzipSync(readFileSync(tar));
      },
    ],
    [
      "a symlink",
      () => {
        const dir = mkdtempSync(path.join(bench.dir, "link-"));
        symlinkSync("/etc", path.join(dir, "etc"));
        return execFileSync("tar", ["-czf", "-", "-C", dir, "."]);
      },
    ],
    [
      "more entries than anybody has",
      () => {
        const one = execFileSync("gzip", ["-dc"], { input: archiveOf({ empty: "" }, ["empty"]) }).subarray(0, 512);
        return gzipSync(Buffer.concat([...Array(20_001).fill(one), Buffer.alloc(1024)]));
      },
    ],
    [
      "a sparse file",
      () => {
        const dir = mkdtempSync(path.join(bench.dir, "sparse-"));
        writeFileSync(path.join(dir, "hole"), "");
        truncateSync(path.join(dir, "hole"), 1024 ** 4);
        return execFileSync("tar", ["-cSzf", "-", "-C", dir, "hole"]);
      },
    ],
    [
      "a hard link",
      () => {
        const dir = mkdtempSync(path.join(bench.dir, "hard-"));
        writeFileSync(path.join(dir, "a"), "a");
        linkSync(path.join(dir, "a"), path.join(dir, "b"));
        return execFileSync("tar", ["-czf", "-", "-C", dir, "a", "b"]);
      },
    ],
    ["a file that grows without end", () => gzipSync(Buffer.alloc(300 * 1024 * 1024))],
  ])("an archive that is bad (%s) fails cleanly and leaves nothing", async (_, make) => {
    writeFileSync(path.join(bench.dir, "outside.txt"), "outside");
    await run({ version: "1.0", archive_base64: base64({ "app.txt": "one" }) });
    const result = failed(await run({ version: "2.0", archive_base64: make().toString("base64") }));
    expect(result).toMatchObject({ reason: "bad_archive", permanent: true });
    expect(entries()).toEqual(["1.0"]);
    expect(readlinkSync(path.join(home, "current"))).toBe("releases/1.0");
    expect(readdirSync(home).sort()).toEqual(["current", "releases"]);
    expect(existsSync(path.join(root, "escaped.txt"))).toBe(false);
  });

  test("no mode of an archive stays: nothing is setuid, nothing may be written by others", async () => {
    const dir = mkdtempSync(path.join(bench.dir, "modes-"));
    const modes = { suid: 0o4755, sgid: 0o2755, open: 0o666, hidden: 0o600, program: 0o700 };
    for (const [name, mode] of Object.entries(modes)) {
      writeFileSync(path.join(dir, name), name);
      chmodSync(path.join(dir, name), mode);
    }
    mkdirSync(path.join(dir, "sticky"));
    chmodSync(path.join(dir, "sticky"), 0o3777);
    chmodSync(dir, 0o777);
    const archive = execFileSync("tar", ["-czf", "-", "-C", dir, "."]).toString("base64");
    succeeded(await run({ version: "1", archive_base64: archive }));
    const modeOf = (name: string) => (lstatSync(path.join(home, "releases/1", name)).mode & 0o7777).toString(8);
    expect(Object.fromEntries([...Object.keys(modes), "sticky", "."].map((name) => [name, modeOf(name)]))).toEqual({
      ...{ suid: "755", sgid: "755", open: "644", hidden: "644", program: "755" },
      ...{ sticky: "755", ".": "755" },
    });
  });

  test.each([
    ["a path upwards", () => "../secret.tar.gz"],
    ["an absolute path", () => path.join(root, "secret.tar.gz")],
    ["a link that leads out", () => "link.tar.gz"],
    ["a folder that leads out", () => "away/secret.tar.gz"],
    ["a NUL", () => "a\0b"],
    ["the folder itself", () => "."],
  ])("an archive from elsewhere is not read: %s", async (_, name) => {
    writeFileSync(path.join(root, "secret.tar.gz"), archiveOf({ "app.txt": "secret" }));
    for (const [link, to] of [
      ["link.tar.gz", "../secret.tar.gz"],
      ["away", ".."],
    ] as const) {
      rmSync(path.join(archives, link), { force: true });
      symlinkSync(to, path.join(archives, link));
    }
    const result = failed(await run({ version: "1", archive: name() }));
    expect(result).toMatchObject({ reason: "invalid_payload", permanent: true });
    expect(result.error).toContain("APP_UPDATE_ARCHIVES");
    expect(existsSync(home)).toBe(false);
  });

  test("an archive that is no file is refused, and nobody waits for it", async () => {
    execFileSync("mkfifo", [path.join(archives, "pipe")]);
    mkdirSync(path.join(archives, "folder"));
    for (const archive of ["pipe", "folder"]) {
      expect(failed(await run({ version: "1", archive }))).toMatchObject({ reason: "bad_archive", permanent: true });
    }
    writeFileSync(path.join(archives, "huge"), "");
    truncateSync(path.join(archives, "huge"), 1024 ** 4);
    expect(failed(await run({ version: "1", archive: "huge" })).error).toContain("at most");
  });

  test.each([
    [{ version: "../x" }, "version"],
    [{ version: "..", archive_base64: "" }, "version"],
    [{ version: "1", target: "../../etc" }, "target"],
    [{ version: "1", target: "/etc" }, "target"],
    [{ version: 2 }, "version"],
    [{ version: "1" }, "archive"],
    [{ version: "1", archive: "/x", archive_base64: "x" }, "archive"],
  ])("a payload that names no place of its own is refused: %j", async (payload, says) => {
    const result = failed(await run(payload));
    expect(result).toMatchObject({ reason: "invalid_payload", permanent: true });
    expect(result.error).toContain(says);
    expect(existsSync(home)).toBe(false);
  });

  test("a wrong checksum and a missing file are failures", async () => {
    const wrong = await run({ version: "1", archive_base64: base64({ a: "a" }), sha256: "00" });
    expect(failed(wrong)).toMatchObject({ reason: "bad_archive", permanent: true });
    expect(failed(await run({ version: "1", archive: "no-such-file.tar.gz" }))).toMatchObject({
      reason: "error",
      permanent: false,
    });
  });
});
