import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../support/until";
import { CLEAN, check } from "../support/checker";
import { Client } from "../support/client";
import { report } from "../support/report";
import { freeze, type Servers, servers } from "../support/servers";
import { Stage } from "../support/stage";

jest.setTimeout(300_000);

let dir: string;
let on: Servers;
let stage: Stage;
const mounted: string[] = [];

/** A file system of its own size; `fill` takes what is left of it, `free` gives it back. */
async function tmpfs(name: string, size: string) {
  const path = join(dir, name);
  await mkdir(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]);
  mounted.push(path);
  const ballast = join(path, "ballast");
  return {
    path,
    async fill() {
      const { bavail, bsize } = await statfs(path);
      await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch(() => undefined);
    },
    free: () => rm(ballast, { force: true }),
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

let disk: Awaited<ReturnType<typeof tmpfs>>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tasker-disks-"));
  disk = await tmpfs("database", "400m");
  on = await servers(disk.path);
});
afterEach(() => stage.close());
afterAll(async () => {
  await on.stop();
  for (const path of mounted) execFileSync("umount", ["-l", path]);
  await rm(dir, { recursive: true, force: true });
});

describe("a database that freezes, and disks that are full", () => {
  test("F15: a database frozen for 60 s is told to callers within 5 s, and nothing running is taken for dead", async () => {
    stage = await Stage.create(on, { work: { timeout: "3m" } });
    await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(2, ["a"], { ms: 70_000 });
    await until("they run", () => stage.started() === 2);
    const fault = stage.mark("the database is frozen");
    const thaw = freeze(on.database);
    const from = client.log.length;
    const load = client.load(10, ["a"]);
    await sleep(60_000);
    await load.stop();
    const answers = client.log
      .slice(from)
      .map((entry) => entry.ms)
      .sort((a, b) => a - b);
    thaw();
    fault.over();
    await until("tasks are taken again", async () => (await client.submit(["a"])).status === 202, 15_000);
    const again = Date.now();
    await client.burst(20, ["a"]);
    const verdict = await check(stage, client);
    report("F15", 1, verdict, [
      { what: "99 % of the answers within", value: answers[Math.floor(answers.length * 0.99)]! / 1000, most: 5 },
      { what: "taken again after", value: (again - stage.healedAt) / 1000, most: 5 },
    ]);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0 });
    expect(await stage.rows("SELECT task_id FROM task_attempts WHERE outcome = 'lost'")).toEqual([]);
  });

  test("F21: with the database's disk full nothing is accepted that is not stored, and it goes on when there is room", async () => {
    stage = await Stage.create(on);
    await Promise.all([stage.api(), stage.manager("a")]);
    const client = new Client(stage);
    await client.burst(10, ["a"]);
    const fault = stage.mark("the database's disk is full");
    await disk.fill();
    const refusals = () => client.log.filter((entry) => entry.status !== 202).map((entry) => entry.status);
    for (let i = 0; i < 60 && refusals().length < 10; i++) await client.submit(["a"], { text: "x".repeat(900_000) });
    const refused = refusals();
    await disk.free();
    // MariaDB may end itself when its log cannot be written; whoever supervises it starts it again.
    if (!isRunning(on.database.pid)) await on.database.start();
    fault.over();
    await until("tasks are taken again", async () => (await client.submit(["a"])).status === 202, 60_000);
    const verdict = await check(stage, client);
    report("F21 database", 1, verdict);
    expect(verdict).toMatchObject(CLEAN);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter((status) => status !== 503 && status !== 0)).toEqual([]);
  });

  test("F21: with the spool's and the log's disk full results stay in memory, nothing new is taken, nobody dies", async () => {
    const small = await tmpfs("spool", "1m");
    stage = await Stage.create(on, { work: { concurrency: 2 } });
    const [, manager] = await Promise.all([
      stage.api(),
      stage.manager("a", { TASKER_TEST_SPOOL: join(small.path, "spool") }, { log: join(small.path, "manager.log") }),
    ]);
    const client = new Client(stage);
    await client.burst(10, ["a"], { ms: 1500 });
    await until("they run", () => stage.started() === 2);
    await small.fill();
    const fault = stage.mark("spool and log are full, the database is away");
    stage.databaseProxy.set({ mode: "blackhole" });
    await sleep(8000);
    const taken = stage.started();
    await sleep(3000);
    expect(stage.started()).toBe(taken);
    stage.databaseProxy.set({ mode: "pass" });
    await small.free();
    fault.over();
    const verdict = await check(stage, client);
    report("F21 spool and log", 3, verdict);
    expect(verdict).toMatchObject({ ...CLEAN, repeated: 0, byStatus: { succeeded: 10 } });
    expect(manager!.running).toBe(true);
  });
});
