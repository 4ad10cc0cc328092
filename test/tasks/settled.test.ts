import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../../src/model/ids";
import { ALL_KEY, endpointQueueName, exchangeName } from "../../src/transport/amqp/naming";
import { start } from "../cli/support";
import { Gate } from "../manager/harness";
import { TcpProxy } from "../support/proxy";
import { createVhost, management, privateBroker } from "../support/services";
import { until } from "../support/until";
import { type Body, MODES, type TestSystem, world } from "../support/world";

jest.setTimeout(240_000);

const TYPES = { work: { wait_for_endpoints_timeout: "500ms" } };
/** Also on a machine so busy that heartbeats come seconds late. */
const LIVES = { manager: { ttl: "30s" } };
const QUEUE = encodeURIComponent(endpointQueueName("work", "here"));
const EXCHANGE = encodeURIComponent(exchangeName("work"));
const toHere = () => ({ identifier: newId(), endpoints: ["here"] });
const ok = () => true;
const work = async () => "done";

/** The task once its wait for endpoints is over: then it must be `incomplete` and wait on. */
async function overdue(on: TestSystem, task: Body): Promise<Body> {
  let seen: Body;
  await until("the wait for endpoints is over", async () => {
    seen = (await on.get(`/work/${task.id}`)).body;
    return seen.status === "incomplete";
  });
  return seen;
}

/** Whoever waits for it is answered when it is done, and not before. */
async function isNotGivenUp(on: TestSystem, task: Body, heal: () => unknown): Promise<void> {
  expect(await overdue(on, task)).toMatchObject({ settled: false, completeness: { missing: ["here"] } });
  expect(await on.get(`/work/${task.id}?wait=0.3`)).toMatchObject({ body: { settled: false } });
  const answer = on.settled(task);
  const command = start(["submit", "work", "-e", "here", "-i", task.identifier, "--wait", "--url", on.url]);
  await heal();
  expect(await answer).toMatchObject({ status: "succeeded", settled: true });
  expect(await command.ended).toMatchObject({ code: 0 });
}

describe.each(MODES)("a task that an endpoint is too busy for (%s)", (mode) => {
  let on: TestSystem;
  afterEach(() => on.close());

  test("is settled when it is done there, or when nobody is there any more", async () => {
    const gate = new Gate();
    const types = { work: { ...TYPES.work, concurrency: 1 } };
    on = await world(mode, { types, functions: { work: gate.handle }, more: LIVES });
    const manager = await on.manager("here");
    const first = await on.submit("work", toHere());
    await until("it runs", async () => (await on.get(`/work/${first.id}`)).body.status === "running");
    const many = [];
    for (let i = 0; i < 40; i++) many.push(await on.submit("work", toHere()));
    const last = many.at(-1)!;
    // Longer than its wait for endpoints.
    expect((await on.get(`/work/${last.id}?wait=1`)).body.settled).toBe(false);
    gate.letGo();
    expect(await on.settled(last)).toMatchObject({ status: "succeeded", settled: true });
    await manager.stop();
    const late = await on.submit("work", toHere());
    expect(await on.settled(late)).toMatchObject({ status: "incomplete", settled: true });
  });
});

describe("a task that the broker keeps from an endpoint that lives", () => {
  let on: TestSystem;
  const undo: Array<() => Promise<unknown>> = [];
  afterEach(async () => {
    await on.close();
    for (const step of undo.splice(0).reverse()) await step();
  });

  test("is not settled while the link to the broker is cut", async () => {
    const vhost = await createVhost("settled");
    const proxy = await TcpProxy.to(vhost.uri);
    undo.push(vhost.drop, () => proxy.close());
    const broker = { uri: proxy.through(vhost.uri), queue_type: "classic" };
    on = await world("wire", { types: TYPES, functions: { work }, more: { ...LIVES, broker } });
    await on.manager("here");
    proxy.set({ mode: "rst" });
    const task = await on.submit("work", toHere());
    await isNotGivenUp(on, task, () => proxy.set({ mode: "pass" }));
  });

  test("is not settled while an alarm blocks the broker", async () => {
    const dir = await mkdtemp(join(tmpdir(), "tasker-settled-"));
    const broker = privateBroker(dir);
    await broker.start();
    undo.push(
      () => rm(dir, { recursive: true, force: true }),
      () => broker.kill(),
    );
    on = await world("wire", {
      types: TYPES,
      functions: { work },
      more: { ...LIVES, broker: { uri: `${broker.uri}/`, queue_type: "classic" } },
    });
    await on.manager("here");
    expect(await on.settled(await on.submit("work", toHere()))).toMatchObject({ status: "succeeded" });
    broker.ctl("set_vm_memory_high_watermark", "0.00001");
    // Nothing ran in this process meanwhile: connections may have timed out.
    await until("the API answers again", () => on.get("/livez").then(ok, () => false));
    const task = await on.submit("work", toHere());
    await isNotGivenUp(on, task, () => broker.ctl("set_vm_memory_high_watermark", "0.4"));
  });

  const lost: Array<[string, (vhost: string) => string]> = [
    ["queue", (vhost) => `queues/${vhost}/${QUEUE}`],
    ["exchange", (vhost) => `exchanges/${vhost}/${EXCHANGE}`],
    ["binding", (vhost) => `bindings/${vhost}/e/${EXCHANGE}/q/${QUEUE}/${encodeURIComponent(ALL_KEY)}`],
  ];
  test.each(lost)("is not settled when its %s was deleted", async (_, path) => {
    on = await world("wire", { types: TYPES, functions: { work }, more: LIVES });
    await Promise.all([on.manager("here"), on.manager("there")]);
    const vhost = new URL(on.brokerUri).pathname.slice(1);
    await management("DELETE", path(vhost));
    for (const more of [{}, { endpoints: ["here"] }]) {
      const task = await on.submit("work", { identifier: newId(), ...more });
      let last: Body;
      do last = await on.settled(task);
      while (!last.settled);
      expect(last.status).toBe("succeeded");
    }
  });
});
