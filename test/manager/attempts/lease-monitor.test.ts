import { StoreUnavailable } from "../../../src/errors";
import type { ManagerStore } from "../../../src/store/store";
import { until } from "../../support/until";
import { Gate, ManagerHarness } from "../harness";
import { typeConfig } from "../support";

const here = { endpoints: ["here"] };

let bench: ManagerHarness;
afterEach(() => bench.close());

test("a result that comes under a lost lease changes nothing and is kept as a superseded attempt", async () => {
  bench = await ManagerHarness.open([typeConfig("work")]);
  const deaf = new Gate();
  let heard = true;
  const store = new Proxy(bench.managerStore, {
    get(target, name: keyof ManagerStore) {
      if (name === "heartbeat" && !heard) return () => Promise.reject(new StoreUnavailable("away"));
      const value = target[name] as (...all: unknown[]) => unknown;
      return value.bind(target);
    },
  });
  const first = await bench.manager("here", { functions: { work: deaf.handle }, store });
  const id = await bench.submit("work", here);
  await deaf.entered();
  // Neither heartbeat nor delivery reaches it any more: heard, it would take along what it runs.
  heard = false;
  await first.transport.close(0);
  // The newcomer of the same host and slot retires the first, and what that ran is attempted again at once.
  await bench.manager("here", { functions: { work: () => "second" } });
  const [response] = await bench.settled("work", id);
  expect(response).toMatchObject({ status: "succeeded", attempt: 2, result: '"second"' });
  await until("the first is told", () => deaf.runs[0]!.signal.aborted);
  expect(deaf.runs[0]!.signal.reason.message).toBe("lease_lost");
  deaf.letGo();
  await until("its result is refused", () => first.state().superseded === 1);
  expect(await bench.responses("work", id)).toEqual([response]);
  expect((await bench.attempts(id, "here")).map((attempt) => attempt.outcome).sort()).toEqual(["lost", "superseded"]);
});

test("a manager that was declared dead registers anew and goes on", async () => {
  bench = await ManagerHarness.open([typeConfig("work")]);
  const manager = await bench.manager("here", { functions: { work: () => "done" } });
  const { managerId } = manager.state();
  await bench.store.managers.leave(managerId!);
  await until("it has registered anew", () => {
    const state = manager.state();
    return state.incarnationsLost === 1 && state.managerId !== null && state.managerId !== managerId;
  });
  const id = await bench.submit("work", here);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded" }]);
});

test("the delivery of a long attempt is acked once its lease is verified, and the attempt still ends once", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { concurrency: 1 })]);
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle }, pace: { earlyAckMs: 100 } });
  const running = await bench.submit("work", here);
  await gate.entered();
  await until("it is acked", () => manager.state().ackedEarly === 1);
  // Its connection may go now: nothing of it comes back.
  const waiting = await bench.submit("work", here);
  await until("what waits long is acked as well", () => manager.state().ackedEarly === 2);
  expect(manager.state()).toMatchObject({ running: 1, waiting: 1 });
  gate.letGo();
  for (const id of [running, waiting]) expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded" }]);
  expect(gate.runs).toHaveLength(2);
});

test("of a type with long waiting messages nothing more is taken until they have started", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { concurrency: 1 })]);
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle }, pace: { earlyAckMs: 100 } });
  const ids = [await bench.submit("work", here)];
  await gate.entered();
  for (let i = 0; i < 20; i++) ids.push(await bench.submit("work", here));
  await until("the first ones are acked", () => manager.state().ackedEarly >= 2);
  const queue = { to: "endpoint", type: "work", endpoint: "here" } as const;
  const depth = await until("nobody consumes", async () => {
    const now = await bench.transport.depth(queue);
    return now?.consumers === 0 ? now : null;
  });
  expect(manager.state().waiting).toBeLessThanOrEqual(4);
  expect(depth.ready).toBe(20 - manager.state().waiting);
  gate.letGo();
  for (const id of ids) expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(gate.runs).toHaveLength(21);
});

test("a manager whose connection is cut in the middle of its work neither loses nor repeats it", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { concurrency: 2 })]);
  const gate = new Gate();
  const cut = await bench.manager("here", { functions: { work: gate.handle }, slot: "one" });
  const ids = await Promise.all([1, 2, 3, 4].map(() => bench.submit("work", here)));
  await gate.entered(2);
  const other = await bench.manager("here", { functions: { work: gate.handle }, slot: "two" });
  await cut.transport.close(1000);
  await until("the other has taken what waited", () => other.state().running === 2);
  gate.letGo();
  for (const id of ids) expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(gate.runs.map((run) => run.taskId).sort()).toEqual([...ids].sort());
});
