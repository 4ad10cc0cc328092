import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../support/until";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { EmbeddedStage } from "../support/embedded-stage";
import { report } from "../support/report";

jest.setTimeout(240_000);

describe("embedded mode: one process, one SQLite file", () => {
  let dir: string;
  let stage: EmbeddedStage;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "tasker-embedded-"));
  });
  afterEach(async () => {
    await stage.close();
    await rm(dir, { recursive: true, force: true });
  });

  test("F26: killed in the middle of its work, again and again, it goes on where it was", async () => {
    stage = await EmbeddedStage.create(dir, ["a", "b", "c"]);
    const client = new Client(stage);
    const points = ["after-commit:10", "after-claim:5", "after-handler:8", "before-finish-commit:4", "before-ack:6"];
    for (const point of points) {
      const process = await stage.up({ TASKER_TEST_KILL: point });
      const load = client.load(40, ["a", "b", "c"], { ms: 20 });
      await process.exited;
      await load.stop();
    }
    const process = await stage.up();
    await client.burst(20, ["a", "b", "c"], { ms: 300 });
    await until("it works", () => stage.journal().length > 0);
    await stage.kill(process);
    await stage.up();
    const verdict = await check(stage, client);
    report("F26 killed", points.length + 1, verdict);
    expect(verdict).toMatchObject(CLEAN);
  });

  test("F26: a second process on the same file is refused with a sentence, and the first one works on", async () => {
    stage = await EmbeddedStage.create(dir, ["a"]);
    await stage.up();
    const second = await stage.up({ TASKER_TEST_PORT: "0" }, { wait: false });
    second.asked = true;
    const { code } = await second.exited;
    const client = new Client(stage);
    await client.burst(20, ["a"]);
    const verdict = await check(stage, client);
    report("F26 second process", 1, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 20 } });
    expect(code).not.toBe(0);
    expect(second.log()).toMatch(/Another tasker process serves from/);
  });

  test("F26: with its disk full it takes nothing that it cannot keep, and goes on when there is room", async () => {
    const data = join(dir, "data");
    await mkdir(data);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", data]);
    try {
      stage = await EmbeddedStage.create(dir, ["a"], {}, data);
      await stage.up();
      const client = new Client(stage);
      await client.burst(10, ["a"], { ms: 500 });
      const { bavail, bsize } = await statfs(data);
      const fault = stage.mark("the disk is full");
      await writeFile(join(data, "ballast"), Buffer.alloc(bavail * bsize)).catch(() => undefined);
      for (let i = 0; i < 20; i++) await client.submit(["a"], { text: "x".repeat(500_000) });
      await sleep(2000);
      const refused = client.log.filter((entry) => entry.status !== 202).map((entry) => entry.status);
      const ready = await (await fetch(`${stage.url}/readyz`)).json();
      await rm(join(data, "ballast"));
      fault.over();
      await until("tasks are taken again", async () => (await client.submit(["a"])).status === 202, 30_000);
      const verdict = await check(stage, client);
      report("F26 disk full", 1, verdict);
      expect(verdict).toMatchObject(CLEAN);
      expect(refused.length).toBeGreaterThan(0);
      expect(new Set(refused)).toEqual(new Set([503]));
      expect(ready).toMatchObject({ ready: false, checks: { database: { ok: false } } });
    } finally {
      await stage.close();
      execFileSync("umount", ["-l", data]);
    }
  });

  test("F2, F3, F10, F12 and F13 in embedded mode: handlers that die or hang, and a drain, harm nothing", async () => {
    stage = await EmbeddedStage.create(dir, ["a", "b"], {
      work: { timeout: "3s" },
      more: { manager: { drain_timeout: "1s" } },
    });
    const first = await stage.up();
    const client = new Client(stage);
    await client.burst(20, ["a", "b"], { ms: 100 });
    await client.submit(["a"], { exit: 1 });
    await client.submit(["a"], { block: 60_000 });
    // Longer than the drain, and well below the timeout: a process may take half a second to begin.
    await client.submit(["b"], { ms: 1600 });
    await until(
      "the last one runs",
      () => stage.journal().some((e) => e.endpoint === "b" && e.taskId === client.log.at(-1)!.taskId),
      30_000,
    );
    stage.mark("SIGTERM");
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await stage.up();
    const verdict = await check(stage, client);
    report("F10, F12, F13 embedded", 3, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 41, failed: 2 } });
  });
});
