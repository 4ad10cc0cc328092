import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { userName } from "../../src/initialize/users";
import { managerPermissions } from "../../src/transport/amqp/administration/permissions";
import { lookInto } from "../support/broker";
import { management } from "../support/services";
import { until } from "../support/until";
import { type TestSystem, world } from "../support/world";

const { ensurePika } = require("../../scripts/lib/python") as { ensurePika(): Promise<string> };

/** docs/how-to/endpoint.py as it stands, with the broker user of its endpoint as its only credentials. */

/**
 * Stands in for the user's part: notes each start, then waits for the word. With LOSE it does not
 * hear the first answer to a claim.
 */
const PATIENT = `
import os, sys, time, endpoint
def handle(payload):
    open(os.environ["STARTS"], "a").write("started\\n")
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.05)
    time.sleep(payload.get("seconds", 0))
    return payload
def replied(self, channel, method, properties, body, lost=[]):
    if b'"lease_id"' in body and os.environ.get("LOSE") and not lost:
        lost.append(body)
        return print("lost the answer", flush=True)
    heard(self, channel, method, properties, body)
heard, endpoint.Endpoint.replied = endpoint.Endpoint.replied, replied
endpoint.handle, endpoint.TTL_MS = handle, int(os.environ["TTL_MS"])
endpoint.Endpoint(*sys.argv[1:3]).serve()
`;
const PROGRAM = join(__dirname, "../../docs/how-to/endpoint.py");
const ENDPOINTS = ["py-1", "py-2"];
const TYPES = ["greet", "slow.work"];

let w: TestSystem;
let python: string;
let dir: string;
const running: ChildProcess[] = [];
const vhost = () => new URL(w.brokerUri).pathname.slice(1);
const user = (endpoint: string) => userName(vhost(), { part: "manager", endpoint });

beforeAll(async () => {
  python = await ensurePika();
  dir = await mkdtemp(join(tmpdir(), "tasker-python-"));
  w = await world("wire", { types: Object.fromEntries(TYPES.map((type) => [type, { attempts: 2 }])) });
  for (const endpoint of ENDPOINTS) {
    const types = TYPES.map((type) => ({ type, deliver: "each" as const }));
    await management("PUT", `users/${user(endpoint)}`, { password: "secret", tags: "" });
    await management("PUT", `permissions/${vhost()}/${user(endpoint)}`, managerPermissions(endpoint, types, true));
  }
}, 300_000);

afterAll(async () => {
  for (const one of running) if (one.exitCode === null) one.kill("SIGKILL");
  for (const endpoint of w ? ENDPOINTS : []) await management("DELETE", `users/${user(endpoint)}`).catch(() => null);
  await w?.close();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

/** Starts the program, or with `env` its patient variant; resolves once it consumes. */
async function start(endpoint: string, type: string, env?: Record<string, string>) {
  const broker = new URL(w.brokerUri);
  broker.username = user(endpoint);
  broker.password = "secret";
  const child = spawn(python, [...(env ? ["-c", PATIENT] : [PROGRAM]), endpoint, type], {
    env: { BROKER: broker.href, PYTHONPATH: join(PROGRAM, ".."), PYTHONDONTWRITEBYTECODE: "1", ...env },
  });
  running.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  await until(`the endpoint to be ready`, () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`);
    return said.includes(`endpoint ${endpoint} performs ${type}`);
  });
  return {
    pid: child.pid!,
    said: () => said,
    async end(signal?: "SIGTERM" | "SIGKILL") {
      const ended = child.exitCode ?? once(child, "exit").then(([code]) => code as number | null);
      if (signal) child.kill(signal);
      return ended;
    },
  };
}

const response = async ({ type, id }: { type: string; id: string }, endpoint: string) =>
  (await w.get(`/${type}/${id}/responses/${endpoint}`)).body;

let names = 0;
/** The environment of a patient program, with files of its own. */
function patient(ttlMs = 30_000) {
  const name = join(dir, `${++names}`);
  return { env: { STARTS: `${name}-starts`, GO: `${name}-go`, TTL_MS: `${ttlMs}` }, name };
}
const go = ({ env }: ReturnType<typeof patient>) => appendFile(env.GO, "");
const starts = async ({ env }: ReturnType<typeof patient>) =>
  (await readFile(env.STARTS, "utf8").catch(() => "")).split("\n").length - 1;
const oneSlow = (identifier: string, payload: object = {}) =>
  w.submit("slow.work", { identifier, endpoints: ["py-2"], payload });

describe("the endpoint in Python", () => {
  let program: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    const early = await w.submit("greet", { identifier: "early", endpoints: ["py-1"], payload: { name: "Eve" } });
    program = await start("py-1", "greet");
    expect((await w.settled(early)).status).toBe("succeeded");
  }, 120_000);

  test("registers, and performs a task to its end with the result that the handler gave", async () => {
    const { body } = await w.get("/endpoints/py-1");
    expect(body).toMatchObject({ alive: true, types: ["greet"], managers: [{ pid: program.pid, host: hostname() }] });
    const task = await w.submit("greet", { identifier: "good", endpoints: ["py-1"], payload: { name: "Ann" } });
    expect((await w.settled(task)).status).toBe("succeeded");
    const result = { text: "Hello Ann, this is Python" };
    expect(await response(task, "py-1")).toMatchObject({ status: "succeeded", progress: 1, attempt: 1, result });
  });

  test("fails an attempt, is offered the next one, and fails for good", async () => {
    const task = await w.submit("greet", { identifier: "bad", endpoints: ["py-1"], payload: {} });
    expect((await w.settled(task)).status).toBe("failed");
    const { attempt, reason, error, history } = await response(task, "py-1");
    expect([attempt, reason, error]).toEqual([2, "error", "KeyError: 'name'"]);
    expect(history.map(({ outcome }: { outcome: string }) => outcome)).toEqual(["failed", "failed"]);
  });

  test("parks what it cannot read and what the recorder refuses, and goes on", async () => {
    const view = await lookInto(w.brokerUri);
    const foreign = JSON.stringify({ v: 1, tasks: [{ id: "x".repeat(65) }] });
    for (const body of ["no JSON", '{"v":9}', '{"v":1,"tasks":[{}]}', foreign])
      view.channel.sendToQueue("tasker.greet.py-1", Buffer.from(body), { headers: { own: "kept" } });
    const parked: Array<[string, string, string]> = [];
    // The recorder has parked a call too: that of the last of them.
    while (parked.length < 5) {
      const got = await until(
        "a parked message",
        async () => (await view.channel.get("tasker.dead", { noAck: true })) || null,
      );
      const { headers } = got.properties as { headers: Record<string, string> };
      const from = headers["x-tasker-queue"]!;
      if (from === "tasker.greet.py-1") expect(headers.own).toBe("kept");
      parked.push([from, String(got.content), headers["x-tasker-reason"]!]);
    }
    await view.close();
    const own = parked.filter(([from]) => from === "tasker.greet.py-1");
    expect(own.map(([, body]) => body)).toEqual(["no JSON", '{"v":9}', '{"v":1,"tasks":[{}]}', foreign]);
    expect(own.map(([, , reason]) => reason)).toEqual([
      expect.stringMatching(/^invalid: JSONDecodeError: /),
      "invalid: ValueError: its version is 9",
      "invalid: KeyError: 'id'",
      expect.stringMatching(/claims\.0\.task_id/),
    ]);
    const task = await w.submit("greet", { identifier: "after", endpoints: ["py-1"], payload: { name: "Bob" } });
    expect((await w.settled(task)).status).toBe("succeeded");
  });

  test("leaves in good order on SIGTERM", async () => {
    expect(await program.end("SIGTERM")).toBe(0);
    expect((await w.get("/endpoints/py-1")).body).toMatchObject({ alive: false, managers: [{ state: "stopped" }] });
  });
});

describe("the endpoint in Python, in the middle of a task", () => {
  test("keeps its lease by heartbeats for as long as the handler runs", async () => {
    const files = patient(2000);
    const program = await start("py-2", "slow.work", files.env);
    await go(files);
    const task = await oneSlow("long", { seconds: 5 });
    expect((await w.settled(task)).status).toBe("succeeded");
    expect(await response(task, "py-2")).toMatchObject({ attempt: 1, result: { seconds: 5 } });
    expect([await starts(files), await program.end("SIGTERM")]).toEqual([1, 0]);
  }, 60_000);

  test("is killed: started anew, the task is done once more and ends", async () => {
    const files = patient();
    const killed = await start("py-2", "slow.work", files.env);
    const task = await oneSlow("killed", { n: 1 });
    await until("the handler to start", async () => (await starts(files)) === 1);
    await killed.end("SIGKILL");
    await go(files);
    const program = await start("py-2", "slow.work", files.env);
    expect((await w.settled(task)).status).toBe("succeeded");
    const { attempt, result, history } = await response(task, "py-2");
    expect([attempt, result, await starts(files)]).toEqual([2, { n: 1 }, 2]);
    expect(history.map(({ outcome }: { outcome: string }) => outcome)).toEqual(["lost", "succeeded"]);
    expect(await program.end("SIGTERM")).toBe(0);
  }, 60_000);

  test("asks again for a claim whose answer was lost, and is granted it once", async () => {
    const files = patient();
    const program = await start("py-2", "slow.work", { ...files.env, LOSE: "1" });
    await go(files);
    const task = await oneSlow("answer lost");
    expect((await w.settled(task)).status).toBe("succeeded");
    expect(await response(task, "py-2")).toMatchObject({ attempt: 1, history: [{ outcome: "succeeded" }] });
    expect([await starts(files), program.said().includes("lost the answer")]).toEqual([1, true]);
    expect(await program.end("SIGTERM")).toBe(0);
  }, 60_000);

  test("finishes it on SIGTERM before it leaves", async () => {
    const files = patient();
    const program = await start("py-2", "slow.work", files.env);
    const task = await oneSlow("finished");
    await until("the handler to start", async () => (await starts(files)) === 1);
    const ended = program.end("SIGTERM");
    const later = await oneSlow("later");
    await go(files);
    expect(await ended).toBe(0);
    expect((await w.settled(task)).status).toBe("succeeded");
    expect(await response(later, "py-2")).toMatchObject({ attempt: 0 });
    expect((await w.get("/endpoints/py-2")).body.alive).toBe(false);
    expect(await starts(files)).toBe(1);
  }, 60_000);

  test("ends at once when it counts as dead, because its task is somebody else's by then", async () => {
    const files = patient(3000);
    const program = await start("py-2", "slow.work", files.env);
    await oneSlow("taken away");
    await until("a handler to start", async () => (await starts(files)) === 1);
    const { managers } = (await w.get("/endpoints/py-2")).body;
    const { id } = managers.find(({ pid }: { pid: number }) => pid === program.pid);
    await w.api.store.managers.leave(id);
    expect(await program.end()).toBe(1);
    expect(program.said()).toContain("Declared dead");
  }, 60_000);
});
