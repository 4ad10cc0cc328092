import type { HandleTask } from "../../src/model/handler";
import { until } from "../support/until";
import { Gate, ManagerHarness } from "./harness";
import { typeConfig } from "./support";

let bench: ManagerHarness;
afterEach(() => bench.close());

test("of a deliver-one type the more urgent tasks run first, whatever has come first", async () => {
  bench = await ManagerHarness.open([typeConfig("pick", { deliver: "one", concurrency: 1 })]);
  const gate = new Gate();
  const order: number[] = [];
  const pick: HandleTask = async (payload, context) => {
    if (payload.priority === undefined) return gate.handle(payload, context);
    order.push(payload.priority as number);
    return null;
  };
  await bench.manager("here", { functions: { pick } });
  await bench.submit("pick");
  await gate.entered();
  const priorities = [0, 0, 0, 3, 9, 1, 5, 9, 0, 7, 4, 8, 2, 6];
  const ids: string[] = [];
  for (const priority of priorities) ids.push(await bench.submit("pick", { priority, payload: { priority } }));
  const waiting = await until("every task to be in a queue or here", async () => {
    const published = await Promise.all(ids.map(async (id) => (await bench.store.tasks.states([id]))[0]!.task));
    return published.every((task) => task.publishedAt !== null) ? published.length : null;
  });
  expect(waiting).toBe(priorities.length);
  gate.letGo();
  for (const id of ids) await bench.settled("pick", id);
  // Within a band only what the manager has at hand is in exact order; between bands it always holds.
  const band = (priority: number) => (priority >= 5 ? 2 : priority >= 1 ? 1 : 0);
  expect(order.map(band)).toEqual([...priorities].map(band).sort((a, b) => b - a));
});

test("what waits at taken slots goes to an endpoint that has time, and the busy one takes more when it has time again", async () => {
  bench = await ManagerHarness.open([typeConfig("pick", { deliver: "one", concurrency: 1 })]);
  const gate = new Gate();
  const ran: string[] = [];
  const pick: HandleTask = async (payload, context) => {
    if (payload.hold) return gate.handle(payload, context);
    ran.push(context.endpoint);
    return null;
  };
  const busy = await bench.manager("busy", { functions: { pick } });
  await bench.submit("pick", { payload: { hold: true } });
  await gate.entered();
  const ids = [await bench.submit("pick"), await bench.submit("pick", { priority: 9 })];
  await until("the urgent one to wait at the busy one", () => busy.state().waiting === 1);
  await until("it to be given back", () => busy.state().waiting === 0);
  for (const band of [0, 2] as const) {
    expect(await bench.transport.depth({ to: "one", type: "pick", band })).toEqual({ ready: 1, consumers: 0 });
  }
  const idle = await bench.manager("idle", { functions: { pick } });
  for (const id of ids) await bench.settled("pick", id);
  expect(ran).toEqual(["idle", "idle"]);
  await idle.drain();
  gate.letGo();
  const last = await bench.submit("pick");
  await bench.settled("pick", last);
  expect(ran).toEqual(["idle", "idle", "busy"]);
});
