import { EventEmitter } from "node:events";
import { rmSync } from "node:fs";
import { StoreUnavailable } from "../../../src/errors";
import { Claimer } from "../../../src/manager/attempts/claimer";
import type { Executor } from "../../../src/manager/attempts/executor";
import type { ReceivedTask } from "../../../src/manager/intake/delivery-batch";
import { type JobSlots, ManagerSlots } from "../../../src/manager/intake/job-slots";
import type { Registration } from "../../../src/manager/lifecycle/registration";
import type { Runner } from "../../../src/manager/runners/runner";
import { newId } from "../../../src/model/ids";
import type { Claim, ClaimAnswer, Grant } from "../../../src/store/store";
import { contextOf, deliveryOf, grantOf, testFolder, typeConfig } from "../support";

const folder = testFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const idle: Runner = { run: () => new Promise(() => undefined), close: async () => undefined };

function bench(concurrency: number, answer: (claims: readonly Claim[]) => Promise<ClaimAnswer[]>) {
  const calls: Array<{ managerId: string; claims: Claim[] }> = [];
  const context = contextOf(folder, {
    claim: (managerId, _endpoint, claims) => {
      calls.push({ managerId, claims: [...claims] });
      return answer(claims);
    },
  });
  const allSlots = new ManagerSlots([typeConfig("noop", { concurrency })], () => idle);
  const slots = allSlots.of("noop", "")!;
  const holds = new Set<string>();
  const started: Array<{ task: ReceivedTask; grant: Grant; slots: JobSlots }> = [];
  const returned: Grant[] = [];
  const acked: string[] = [];
  const doubts: Array<string | null> = [];
  const manager = { id: "one" as string | null };
  let onChange: () => void = () => undefined;
  const registration = Object.assign(new EventEmitter(), {
    sure: () => manager.id,
    doubt: () => void doubts.push(manager.id),
  }) as unknown as Registration;
  const subscriptions = {
    hold: async (reason: string) => void holds.add(reason),
    unhold: (reason: string) => void holds.delete(reason),
  };
  const executor: Pick<Executor, "start" | "begin" | "giveBack"> = {
    start: (task, grant, taken) => {
      started.push({ task, grant, slots: taken });
      onChange();
    },
    begin: () => {
      throw new Error("nothing here may begin before its claim");
    },
    giveBack: (_task, grant, taken) => {
      taken.release();
      returned.push(grant);
      onChange();
    },
  };
  const claimer = new Claimer(context, allSlots, registration, subscriptions, executor);
  const add = (taskId = newId()) => {
    const settled = (how: string) => {
      acked.push(`${how} ${taskId}`);
      onChange();
    };
    slots.waiting.push(deliveryOf(settled, [{ taskId }])[0]!);
    claimer.wake();
    return taskId;
  };
  const until = async (condition: () => boolean) => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        onChange = resolve;
      });
    }
  };
  return { acked, add, calls, claimer, doubts, holds, slots, manager, registration, returned, started, until };
}

const grant = (claims: readonly Claim[]): ClaimAnswer[] => claims.map(({ taskId, job }) => grantOf({ taskId, job }));

test("no more is claimed than there are free slots, and a freed slot takes the next", async () => {
  const { add, calls, slots, started, until } = bench(2, async (claims) => grant(claims));
  const ids = [add(), add(), add()];
  await until(() => started.length === 2);
  expect(calls.map((call) => call.claims.map((claim) => claim.taskId))).toEqual([[ids[0], ids[1]]]);
  expect(slots.waiting.size).toBe(1);
  slots.release();
  await until(() => started.length === 3);
  expect(started[2]!.grant.taskId).toBe(ids[2]);
});

test("what arrives while a call is under way shares the next one", async () => {
  const answers: Array<() => void> = [];
  const { add, calls, started, until } = bench(50, async (claims) => {
    await new Promise<void>((resolve) => answers.push(resolve));
    return grant(claims);
  });
  add();
  while (answers.length < 1) await new Promise(setImmediate);
  for (let i = 0; i < 10; i++) add();
  answers[0]!();
  while (answers.length < 2) await new Promise(setImmediate);
  answers[1]!();
  await until(() => started.length === 11);
  expect(calls.map((call) => call.claims.length)).toEqual([1, 10]);
});

test("what is not granted is acked, and its slot is free again", async () => {
  const whys = ["unknown", "final", "held", "not_due"] as const;
  const { acked, add, slots, started, until } = bench(4, async (claims) =>
    claims.map(({ taskId, job }, i) => ({ granted: false, taskId, job, why: whys[i]! })),
  );
  const ids = whys.map(() => add());
  await until(() => acked.length === 4);
  expect(acked).toEqual(ids.map((id) => `ack ${id}`));
  expect(slots.free).toBe(4);
  expect(started).toEqual([]);
});

test("while the store is away the very same claim is repeated, and consuming is held", async () => {
  let failures = 2;
  const { add, calls, holds, started, until } = bench(4, async (claims) => {
    if (failures-- > 0) throw new StoreUnavailable("gone");
    return grant(claims);
  });
  const id = add();
  while (holds.size === 0) await new Promise(setImmediate);
  await until(() => started.length === 1);
  expect(holds.size).toBe(0);
  expect(calls).toHaveLength(3);
  const claim = { taskId: id, job: "", type: "noop", generation: 1 };
  expect(calls.map((call) => call.claims)).toMatchObject(Array(3).fill([claim]));
});

test("what was granted to an incarnation that is lost meanwhile does not run, and is given back", async () => {
  const { add, manager, returned, started, until } = bench(4, async (claims) => {
    manager.id = "two";
    return grant(claims);
  });
  add();
  await until(() => returned.length === 1);
  expect(started).toEqual([]);
});

test("a closed claimer gives back what it is still granted, and releases what the store never answered for", async () => {
  const open: Array<() => void> = [];
  const first = bench(4, async (claims) => {
    await new Promise<void>((resolve) => open.push(resolve));
    return grant(claims);
  });
  first.add();
  while (open.length === 0) await new Promise(setImmediate);
  const closed = first.claimer.close();
  open[0]!();
  await closed;
  expect(first.returned).toHaveLength(1);

  const second = bench(4, async () => {
    throw new StoreUnavailable("gone");
  });
  const id = second.add();
  while (second.holds.size === 0) await new Promise(setImmediate);
  await second.claimer.close();
  expect(second.acked).toEqual([`release ${id}`]);
});

test("nothing is claimed without an incarnation", async () => {
  const { add, calls, manager, registration, started, until } = bench(4, async (claims) => grant(claims));
  manager.id = null;
  add();
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  expect(calls).toEqual([]);
  manager.id = "later";
  registration.emit("sure");
  await until(() => started.length === 1);
  expect(calls[0]!.managerId).toBe("later");
});
