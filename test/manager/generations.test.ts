import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId } from "../../src/model/ids";
import { until } from "../support/until";
import { Gate, ManagerHarness } from "./harness";
import { endOf, typeConfig } from "./support";

const here = { endpoints: ["here"] };

let bench: ManagerHarness;
afterEach(() => bench.close());

test("what began before its claim does not end the generation that was opened while it ran: that runs by itself", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { claim: "late" })]);
  const gates = [new Gate(), new Gate()];
  let runs = 0;
  const manager = await bench.manager("here", {
    functions: {
      work: async (payload, context) => {
        const run = ++runs;
        await gates[run - 1]!.handle(payload, context);
        return `run ${run}`;
      },
    },
    // Nothing claims it while it runs: its end brings the claim along.
    pace: { flushMs: 60_000 },
  });
  const id = await bench.submit("work", here);
  await gates[0]!.entered();
  await bench.cancel("work", id);
  await bench.retry("work", id, ["here"]);
  gates[0]!.letGo();
  await until("the first is kept for the record", () => manager.state().superseded === 1);
  await gates[1]!.entered();
  gates[1]!.letGo();
  expect(await bench.settled("work", id)).toMatchObject([
    { status: "succeeded", generation: 2, attempt: 1, result: '"run 2"' },
  ]);
  expect(await bench.attempts(id, "here")).toMatchObject([
    { generation: 1, outcome: "cancelled" },
    { generation: 1, outcome: "superseded", result: '"run 1"' },
  ]);
});

test("a message that waits for a slot does not hide that of the next generation, and is refused when its turn comes", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { concurrency: 2 })]);
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const before = [await bench.submit("work", here), await bench.submit("work", here)];
  await gate.entered(2);
  const id = await bench.submit("work", here);
  await until("it waits", () => manager.state().waiting === 1);
  await bench.cancel("work", id);
  await bench.retry("work", id, ["here"]);
  await until("both wait", () => manager.state().waiting === 2);
  gate.letGo();
  for (const one of before) expect(await bench.settled("work", one)).toMatchObject([{ status: "succeeded" }]);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", generation: 2, attempt: 1 }]);
  expect(manager.state()).toMatchObject({ granted: 3, refusedFinal: 1 });
});

test("what an earlier manager has spooled of a former generation is superseded when it is replayed", async () => {
  bench = await ManagerHarness.open([typeConfig("work", { claim: "late" })]);
  const id = await bench.submit("work", here);
  await bench.cancel("work", id);
  await bench.retry("work", id, ["here"]);
  const folder = join(bench.config.manager.spoolDir, "here");
  mkdirSync(folder, { recursive: true });
  const claim = { managerId: newId(), performer: "here", type: "work", ranMs: 10 };
  const end = { ...endOf({ taskId: id, result: '"of the first"' }), claim };
  writeFileSync(join(folder, "0.1.x.jsonl"), `\n${JSON.stringify(end)}\n`);
  const manager = await bench.manager("here", { functions: { work: () => "of the second" } });
  expect(manager.state()).toMatchObject({ replayed: 1 });
  expect(await bench.settled("work", id)).toMatchObject([
    { status: "succeeded", generation: 2, result: '"of the second"' },
  ]);
});
