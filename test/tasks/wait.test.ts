import { Gate, ManagerHarness } from "../manager/harness";
import { typeConfig } from "../manager/support";
import { until } from "../support/until";

let bench: ManagerHarness;
let gate: Gate;
beforeEach(async () => {
  bench = await ManagerHarness.open([typeConfig("work")]);
  gate = new Gate();
  await bench.manager("here", { functions: { work: gate.handle } });
});
afterEach(() => bench.close());

const submitted = () => bench.submit("work", { endpoints: ["here"] });

test("who is woken though the task is open again waits on, and is answered when it is settled", async () => {
  const { tasks } = bench.store;
  const unsettled = tasks.unsettled.bind(tasks);
  let looks = 0;
  // As if somebody had retried it each time before it was read.
  tasks.unsettled = (ids) => (++looks <= 3 ? Promise.resolve([]) : unsettled(ids));
  const answer = bench.settled("work", await submitted());
  await until("it was woken in vain", () => looks > 3);
  gate.letGo();
  expect(await answer).toMatchObject([{ status: "succeeded" }]);
});

test("who waits for a task to settle has it read twice, before and after, however long that takes", async () => {
  const { tasks } = bench.store;
  const [find, states, unsettled] = [tasks.find.bind(tasks), tasks.states.bind(tasks), tasks.unsettled.bind(tasks)];
  const seen = { finds: 0, states: 0, looks: 0 };
  tasks.find = (...of) => {
    seen.finds++;
    return find(...of);
  };
  tasks.states = (ids) => {
    seen.states++;
    return states(ids);
  };
  tasks.unsettled = (ids) => {
    seen.looks++;
    return unsettled(ids);
  };
  const answer = bench.settled("work", await submitted());
  await until("it was looked at again and again", () => seen.looks > 5);
  gate.letGo();
  await answer;
  expect(seen).toMatchObject({ finds: 2, states: 0 });
});
