import { existsSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../support/until";
import { Gate, ManagerHarness } from "../harness";
import { typeConfig } from "../support";

const here = { endpoints: ["here"] };
const queue = { to: "endpoint", type: "work", endpoint: "here" } as const;

let bench: ManagerHarness;
afterEach(() => bench.close());

test("a drain takes nothing more, lets what runs end, and gives back what waits", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { concurrency: 1 })]);
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const running = await bench.submit("work", here);
  await gate.entered();
  const waiting = await bench.submit("work", here);
  await until("it waits", () => manager.state().waiting === 1);
  const drained = manager.drain(20_000);
  const late = await bench.submit("work", here);
  await until("what waited is back in the queue", async () => (await bench.transport.depth(queue))?.ready === 2);
  gate.letGo();
  await drained;
  expect(await bench.responses("work", running)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(manager.state()).toMatchObject({ running: 0, waiting: 0, finishing: 0, draining: true });
  const endpoint = await bench.store.tasks.endpoint("here");
  expect(endpoint!.managers.map((one) => one.state)).toEqual(["stopped"]);

  const next = await bench.manager("here", { functions: { work: gate.handle } });
  for (const id of [waiting, late]) {
    expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  }
  expect(next.state().succeeded).toBe(2);
  expect(gate.runs.map((run) => run.taskId).sort()).toEqual([running, waiting, late].sort());
});

test("what still runs at the deadline is told, given back, and its attempt is not charged", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { attempts: 1 })]);
  const told: string[] = [];
  const manager = await bench.manager("here", {
    functions: {
      work: (_payload, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            told.push(signal.reason.message);
            reject(signal.reason);
          }),
        ),
    },
  });
  const id = await bench.submit("work", here);
  await until("it runs", () => manager.state().running === 1);
  await manager.drain(50);
  expect(told).toEqual(["drain"]);
  expect(manager.state()).toMatchObject({ released: 1, failed: 0 });
  expect(await bench.transport.depth(queue)).toMatchObject({ ready: 1 });

  await bench.manager("here", { functions: { work: () => "at last" } });
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1, result: '"at last"' }]);
  const attempts = await bench.attempts(id, "here");
  expect(attempts.map((attempt) => attempt.outcome)).toEqual(["released"]);
});

test("a second order to stop does not wait for the deadline, and kills what does not listen", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { isolation: "process", attempts: 1 })]);
  bench.handler(
    "work",
    "exports.handleTask = ({ begun }) => { require('node:fs').writeFileSync(begun, ''); for (;;); };",
  );
  const begun = join(bench.folder, "begun");
  const manager = await bench.manager("here");
  const id = await bench.submit("work", { ...here, payload: { begun } });
  await until("it runs", () => existsSync(begun));
  const drained = manager.drain(3_600_000);
  await manager.stopNow();
  await drained;
  expect(await bench.responses("work", id)).toMatchObject([{ status: "received", attempt: 0 }]);
});

test("a handler killed by the signal that stops the whole tree is given back, not failed", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { isolation: "process", attempts: 1 })]);
  bench.handler(
    "work",
    `exports.handleTask = ({ begun }) => {
       if (require('node:fs').existsSync(begun)) return 'again';
       require('node:fs').writeFileSync(begun, '');
       process.kill(process.pid, 'SIGKILL');
     };`,
  );
  const begun = join(bench.folder, "begun");
  const manager = await bench.manager("here");
  const id = await bench.submit("work", { ...here, payload: { begun } });
  await until("it has died", () => existsSync(begun) && manager.state().running === 0);
  await manager.drain(5000);
  expect(manager.state()).toMatchObject({ released: 1, failed: 0 });
  await bench.manager("here");
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1, result: '"again"' }]);
});

test("a drain comes back although nothing is there to drain to", async () => {
  bench = await ManagerHarness.open([typeConfig("work")]);
  const manager = await bench.manager("here", { opened: false, functions: { work: () => 1 } });
  await manager.drain(50);
  await manager.ready;
});
