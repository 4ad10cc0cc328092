import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFrom } from "../../src/config/loading/load";
import { silentLog } from "../../src/log";
import { startProcess, type TaskerProcess } from "../../src/tasker";
import { capturingLog, type LogLine } from "../support/log";
import { createDatabase, createVhost, type Scratch } from "../support/services";
import { until } from "../support/until";
import { ALL_MODES, type Body, type Mode } from "../support/world";

/** Endpoint and identifier of each execution that succeeded. */
const ran: string[] = [];
const failOnce = new Set<string>();

async function perform(_payload: unknown, context: { endpoint: string; identifier: string }) {
  const name = `${context.endpoint} ${context.identifier}`;
  if (context.identifier.startsWith("again") && !failOnce.has(name)) {
    failOnce.add(name);
    throw new Error("not yet");
  }
  ran.push(name);
}

/** Database and broker that outlive the processes, which are started with one config after another. */
class Installation {
  readonly dir = mkdtempSync(join(tmpdir(), "tasker-changed-"));
  private scratch: Scratch[] = [];
  private running: TaskerProcess[] = [];
  lines: LogLine[] = [];

  constructor(private readonly mode: Mode) {}

  async start(types: Record<string, object>, endpoints: string[]): Promise<void> {
    if (this.mode !== "embedded" && this.scratch.length === 0)
      this.scratch = [await createDatabase("changed"), await createVhost("changed")];
    const config = configFrom({
      task_types: types,
      database: { uri: this.scratch[0]?.uri ?? `sqlite:${join(this.dir, "tasker.db")}` },
      broker: { uri: this.scratch[1]?.uri ?? "embedded:", queue_type: "classic" },
      manager: {
        ...{ endpoint: "unused", report: this.mode === "recorder" ? "broker" : "database" },
        ...{ heartbeat: "500ms", ttl: "3s", spool: join(this.dir, "spool") },
      },
      api: { port: 0 },
    });
    const functions = { deploy: perform, old: perform };
    const { log, lines } = capturingLog();
    this.lines = lines;
    const inApi = this.mode === "embedded" ? endpoints : [];
    this.running = [await startProcess({ config, log, api: true, endpoints: inApi, functions })];
    await this.running[0]!.ready;
    if (this.mode !== "embedded" && endpoints.length > 0) {
      this.running.push(await startProcess({ config, log: silentLog, api: false, endpoints, functions }));
      await this.running[1]!.ready;
    }
  }

  async stop(): Promise<void> {
    for (const one of this.running.reverse()) await one.close();
    this.running = [];
  }

  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }> {
    const answer = await fetch(`${this.running[0]!.api!.url}${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  async submit(type: string, request: object): Promise<Body> {
    const { status, body } = await this.call("POST", `/${type}`, request);
    if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body;
  }

  async isNow(task: Body, status: string): Promise<Body> {
    let last: Body;
    await until(`${task.identifier} to be ${status}`, async () => {
      last = (await this.call("GET", `/${task.type}/${task.id}`)).body;
      return last.status === status;
    }).catch((error: Error) => {
      throw new Error(`${error.message} It is ${JSON.stringify(last)}`);
    });
    return last;
  }

  async drop(): Promise<void> {
    await this.stop();
    for (const one of this.scratch) await one.drop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const deploy = (more: object) => ({ deploy: { wait_for_endpoints_timeout: "60s", backoff: { first: "6s" }, ...more } });

describe.each(ALL_MODES)("a config that has changed, %s", (mode) => {
  let i: Installation;
  beforeEach(() => {
    ran.length = 0;
    failOnce.clear();
    i = new Installation(mode);
  });
  afterEach(() => i.drop());

  /** Registers a and b, then leaves behind a task that waits, one that is delayed, and one between two attempts. */
  async function leaveBehind(deliver: string): Promise<Body[]> {
    await i.start(deploy({ deliver }), ["a", "b"]);
    const again = await i.submit("deploy", { identifier: "again" });
    await until("its first attempts have failed", async () => {
      const { responses } = (await i.call("GET", `/deploy/${again.id}`)).body;
      return responses.every((one: Body) => one.status === "retrying");
    });
    await i.stop();
    await i.start(deploy({ deliver }), []);
    const waiting = await i.submit("deploy", { identifier: "waiting" });
    const delayed = await i.submit("deploy", {
      identifier: "delayed",
      delay_until: new Date(Date.now() + 3000).toISOString(),
    });
    await i.stop();
    return [again, waiting, delayed];
  }

  test("from each to one: what is outstanding is done by each, what is new by one of them", async () => {
    const left = await leaveBehind("each");
    await i.start(deploy({ deliver: "one" }), ["a", "b"]);
    expect(i.lines.map(({ msg }) => msg).join("\n")).toMatch(
      /6 responses are open of tasks that were stored with another .* \(deploy \(each\): 6\)/,
    );
    const fresh = await i.submit("deploy", { identifier: "fresh" });
    for (const task of [fresh, ...left]) await i.isNow(task, "succeeded");
    const all = ["again", "delayed", "waiting"].flatMap((name) => [`a ${name}`, `b ${name}`]);
    expect(ran.filter((name) => !name.endsWith("fresh")).sort()).toEqual(all.sort());
    expect(ran.filter((name) => name.endsWith("fresh"))).toHaveLength(1);
  });

  test("from one to each: what is outstanding is done by one, what is new by each of them", async () => {
    const left = await leaveBehind("one");
    await i.start(deploy({ deliver: "each" }), ["a", "b"]);
    const fresh = await i.submit("deploy", { identifier: "fresh" });
    for (const task of [fresh, ...left]) await i.isNow(task, "succeeded");
    expect(ran.map((name) => name.split(" ")[1]).sort()).toEqual(["again", "delayed", "fresh", "fresh", "waiting"]);
  });

  test("a type that is gone: its tasks are told at the start, read, cancelled, deleted by its keep; and done when it is back", async () => {
    const old = { deliver: "each", keep: "1s", endpoints: ["a"], wait_for_endpoints_timeout: "1s" };
    await i.start({ old, ...deploy({}) }, ["a"]);
    const done = await i.submit("old", { identifier: "done" });
    await i.isNow(done, "succeeded");
    await i.stop();
    await i.start({ old, ...deploy({}) }, []);
    const [open, doomed] = [
      await i.submit("old", { identifier: "open" }),
      await i.submit("old", { identifier: "doomed" }),
    ];
    await i.stop();

    await i.start(deploy({}), ["a"]);
    expect(i.lines.map(({ msg }) => msg).join("\n")).toMatch(
      /2 responses are open of task types that the config no longer has \(old: 2\)/,
    );
    expect((await i.call("GET", `/old/${open.id}`)).body).toMatchObject({ id: open.id, type: "old" });
    expect((await i.call("GET", `/old/${open.id}/responses/a`)).body).toMatchObject({ status: "expected" });
    expect((await i.call("GET", "/old")).body.items.map((task: Body) => task.id)).toContain(open.id);
    expect((await i.call("GET", "/tasks?type=old&identifier=open")).body.items).toHaveLength(1);
    expect((await i.call("POST", "/old", { identifier: "new" })).body.code).toBe("unknown_task_type");
    expect((await i.call("GET", "/never-was")).body.code).toBe("unknown_task_type");
    expect((await i.call("GET", "/old/00000000-0000-7000-8000-000000000000")).body.code).toBe("task_not_found");
    const retried = await i.call("POST", `/old/${open.id}/retry`, {});
    expect([retried.status, retried.body.code]).toEqual([409, "illegal_state"]);
    expect((await i.call("POST", `/old/${doomed.id}/cancel`)).status).toBe(202);
    await i.isNow(open, "incomplete");
    for (const task of [done, doomed]) {
      await until(`${task.identifier} is deleted`, async () => (await i.call("GET", `/old/${task.id}`)).status === 404);
    }
    await until(
      "a is not expected for it",
      async () => !(await i.call("GET", "/endpoints/a")).body.types.includes("old"),
    );
    await i.stop();

    await i.start({ old, ...deploy({}) }, ["a"]);
    await until("it is done", () => ran.includes("a open"));
  });

  test("another handler, concurrency, expiry or priority of the type strands nothing", async () => {
    await i.start(deploy({ concurrency: 1, expires: "1h" }), ["a"]);
    await i.stop();
    await i.start(deploy({ concurrency: 1, expires: "1h" }), []);
    const tasks = [await i.submit("deploy", { identifier: "one" }), await i.submit("deploy", { identifier: "two" })];
    await i.stop();
    await i.start(deploy({ handler: "old", concurrency: 8, expires: "1s", priority: 9, claim: "late" }), ["a"]);
    for (const task of tasks) await i.isNow(task, "succeeded");
    expect(ran.sort()).toEqual(["a one", "a two"]);
  });
});
