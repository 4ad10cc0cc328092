import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { check } from "./faults/support/checker";
import { Client } from "./faults/support/client";
import { freePort } from "./faults/support/scene";
import { type Servers, Stage, servers } from "./faults/support/stage";
import { until } from "./support/until";

const run = promisify(execFile);
const ROOT = join(__dirname, "..");
const PM2 = join(ROOT, "node_modules", "pm2", "bin", "pm2");

jest.setTimeout(240_000);

interface Pm2Process {
  name: string;
  pid: number;
  pm2_env: { status: string; restart_time: number };
}

/** The real pm2, with a daemon and home of its own, driven by its command line only. */
class Pm2 {
  constructor(
    private readonly home: string,
    private readonly env: Record<string, string>,
  ) {}

  async command(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, HOME: this.home, PM2_HOME: join(this.home, ".pm2"), ...this.env };
    const { stdout } = await run(process.execPath, [PM2, ...args], { cwd: ROOT, env, maxBuffer: 16 << 20 });
    return stdout;
  }

  async list(): Promise<Pm2Process[]> {
    const text = await this.command("jlist");
    return JSON.parse(text.slice(text.indexOf("[{") < 0 ? text.indexOf("[]") : text.indexOf("[{")));
  }
}

describe("under pm2", () => {
  let on: Servers;
  let stage: Stage;
  let pm2: Pm2;
  let home: string;

  beforeAll(async () => {
    on = await servers();
    stage = await Stage.create(on);
    home = await mkdtemp(join(tmpdir(), "tasker-pm2-"));
    stage.apiPort = await freePort();
    pm2 = new Pm2(home, {
      ...stage.env,
      TASKER_TEST_PORT: String(stage.apiPort),
      TASKER_ENDPOINT: "a,b",
      TASKER_API_INSTANCES: "2",
    });
  });
  afterAll(async () => {
    await pm2.command("kill");
    await stage.close();
    await on.stop();
    await rm(home, { recursive: true, force: true });
  });

  test("start, reload and stop lose no response and double none, under load", async () => {
    await pm2.command("start", "ecosystem.config.js");
    const ready = await until("both APIs and both managers", async () => {
      const all = await pm2.list();
      return all.length === 4 && all.every((one) => one.pm2_env.status === "online") ? all : null;
    });
    expect(ready.map((one) => one.name).sort()).toEqual([
      "tasker-api",
      "tasker-api",
      "tasker-manager-a",
      "tasker-manager-b",
    ]);

    const client = new Client(stage);
    const load = client.load(20, ["a", "b"], { ms: 50 });
    await until("the load to flow", () => client.accepted.length > 20);
    await pm2.command("reload", "ecosystem.config.js");
    await until("the load to flow on", () => client.accepted.length > 60);
    await load.stop();
    // A connection may close under a request that is just being sent (status 0); it is the client's to repeat, and the
    // identifier makes that harmless. Whatever was answered was accepted.
    expect(client.log.filter((entry) => ![0, 202].includes(entry.status))).toEqual([]);
    const verdict = await check(stage, client);
    expect(verdict).toMatchObject({ lost: 0, executedTwice: 0, terminalTwice: 0, unrecorded: 0 });
    // A drained manager hands nothing over half done: each task ran exactly once at each endpoint.
    const starts = stage.journal().filter((entry) => entry.what === "start");
    expect(new Set(starts.map((entry) => `${entry.taskId} ${entry.endpoint}`)).size).toBe(starts.length);
    expect(starts.length).toBeGreaterThanOrEqual(client.accepted.length * 2);
    const after = await pm2.list();
    expect(after.map((one) => one.pid).sort()).not.toEqual(ready.map((one) => one.pid).sort());

    await client.burst(10, ["a", "b"], { ms: 20_000 });
    await until(
      "handlers to run",
      () => stage.journal().filter((entry) => entry.what === "start").length > starts.length,
    );
    await pm2.command("stop", "all");
    const stopped = await pm2.list();
    expect(stopped.map((one) => one.pm2_env.status)).toEqual(["stopped", "stopped", "stopped", "stopped"]);
    const rows = await stage.rows<{ status: string; attempt: number }>(
      "SELECT status, attempt FROM task_responses WHERE status NOT IN ('succeeded')",
    );
    // Stopped in the middle of long work: given back, no attempt charged, nothing failed.
    expect(rows).toHaveLength(20);
    expect(rows.every((row) => ["expected", "received"].includes(row.status) && row.attempt === 0)).toBe(true);
  });
});
