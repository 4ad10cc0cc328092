import { StoreUnavailable } from "../../../src/errors";
import type { HandleTask, TaskContext } from "../../../src/model/handler";
import { newId } from "../../../src/model/ids";
import { encodeMessage } from "../../../src/model/message";
import type { ManagerStore } from "../../../src/store/store";
import { until } from "../../support/until";
import { Gate, ManagerHarness } from "../harness";
import { typeConfig } from "../support";

/** Executor that begin before their claim (`claim: late`). */
const LATE = { claim: "late" } as const;
const here = { endpoints: ["here"] };
const queue = { to: "endpoint", type: "work", endpoint: "here" } as const;

let bench: ManagerHarness;
afterEach(() => bench.close());

/** The store with a claim of its own. */
function claiming(claim: ManagerStore["claim"]): ManagerStore {
  return new Proxy(bench.managerStore, {
    get(target, name: keyof ManagerStore) {
      if (name === "claim") return claim;
      const value = target[name] as (...all: unknown[]) => unknown;
      return value.bind(target);
    },
  });
}

const away: ManagerStore["claim"] = () => Promise.reject(new StoreUnavailable("away"));

async function lateBench(more: object = {}): Promise<void> {
  bench = await ManagerHarness.open([typeConfig("work", { ...LATE, ...more })]);
}

describe.each([
  ["each", here],
  ["one", {}],
] as const)("deliver: %s", (deliver, request) => {
  test("a short handler costs the store one call, and its response looks like every other", async () => {
    await lateBench({ deliver });
    const manager = await bench.manager("here", { functions: { work: () => "done" }, store: claiming(away) });
    const id = await bench.submit("work", request);
    const [response] = await bench.settled("work", id);
    expect(response).toMatchObject({
      ...{ status: "succeeded", attempt: 1, performer: "here", result: '"done"', progress: 1 },
      ...{ managerId: manager.state().managerId, leaseId: expect.any(String), reason: null },
      ...{ receivedAt: response!.startedAt, startedAt: expect.any(String), finishedAt: expect.any(String) },
    });
    expect(response!.startedAt! <= response!.finishedAt!).toBe(true);
    await until("it is counted", () => manager.state().succeeded === 1);
    expect(manager.state()).toMatchObject({ begun: 1, granted: 0, claimCalls: 0, running: 0 });
  });
});

test("a handler that runs on is claimed after half a second, shown as running with what it has told, and ends under that lease", async () => {
  await lateBench();
  const gate = new Gate();
  const manager = await bench.manager("here", {
    functions: {
      work: (payload, context) => {
        context.progress(0.25, "a quarter");
        return gate.handle(payload, context);
      },
    },
  });
  const id = await bench.submit("work", here);
  const running = await until("it is claimed", async () => {
    const [response] = await bench.responses("work", id);
    return response!.status === "running" && response!.progress === 0.25 ? response : null;
  });
  expect(running).toMatchObject({ attempt: 1, performer: "here", progressMessage: "a quarter" });
  gate.letGo();
  expect(await bench.settled("work", id)).toMatchObject([
    { status: "succeeded", attempt: 1, leaseId: running.leaseId, startedAt: running.startedAt },
  ]);
  expect(manager.state()).toMatchObject({ begun: 1, granted: 1, superseded: 0 });
  expect(gate.runs).toHaveLength(1);
});

test("what was cancelled before its claim is told to stop, and its result is kept for the record only", async () => {
  await lateBench();
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const id = await bench.submit("work", here);
  await gate.entered();
  await bench.cancel("work", id);
  const [cancelled] = await bench.settled("work", id);
  expect(cancelled).toMatchObject({ status: "cancelled", attempt: 0 });
  await until("it is told", () => gate.runs[0]!.signal.aborted);
  gate.letGo();
  await until("its result is refused", () => manager.state().superseded === 1);
  expect(await bench.responses("work", id)).toEqual([cancelled]);
  expect(await bench.attempts(id, "here")).toMatchObject([{ outcome: "superseded", attempt: 1 }]);
});

test("a failed attempt is counted, and the next one claims first", async () => {
  await lateBench();
  const attempts: number[] = [];
  const manager = await bench.manager("here", {
    functions: {
      work: (_payload, context) => {
        attempts.push(context.attempt);
        if (context.attempt === 1) throw new Error("once");
        return "then";
      },
    },
  });
  const id = await bench.submit("work", here);
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 2, result: '"then"' }]);
  expect(await bench.attempts(id, "here")).toMatchObject(
    [{ outcome: "failed", attempt: 1, error: /once/ }].map((one) => ({
      ...one,
      error: expect.stringMatching(one.error),
    })),
  );
  expect(attempts).toEqual([1, 2]);
  expect(manager.state()).toMatchObject({ begun: 1, granted: 1 });
});

test("a message that comes again claims first: an attempt that brought its manager down has to be counted", async () => {
  await lateBench();
  const gate = new Gate();
  const first = await bench.manager("here", { functions: { work: gate.handle }, slot: "one", store: claiming(away) });
  const id = await bench.submit("work", here);
  await gate.entered();
  // Before its claim, as in a crash: the broker delivers again, and the store knows nothing yet.
  await first.transport.close(0);
  const second = await bench.manager("here", { functions: { work: () => "again" }, slot: "two" });
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded" }]);
  expect(second.state()).toMatchObject({ begun: 0, granted: 1 });
  gate.letGo();
});

test("a drain gives back what has begun before its claim as if it had never begun", async () => {
  await lateBench();
  const gate = new Gate();
  const first = await bench.manager("here", { functions: { work: gate.handle }, slot: "one" });
  const id = await bench.submit("work", here);
  await gate.entered();
  const stopped = first.stopNow();
  await until("it is told", () => gate.runs[0]!.signal.aborted);
  await stopped;
  expect(first.state()).toMatchObject({ begun: 1, released: 1, finishing: 0 });
  expect(await bench.responses("work", id)).toMatchObject([{ status: "expected", attempt: 0 }]);
  await bench.manager("here", { functions: { work: () => "after" }, slot: "two" });
  expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1, result: '"after"' }]);
  gate.letGo();
});

test("a drain that meets its claim under way waits for the answer, and gives back the lease", async () => {
  await lateBench();
  let signal: AbortSignal | null = null;
  const work: HandleTask = (_payload, context) => {
    signal = context.signal;
    return new Promise((_, reject) => signal!.addEventListener("abort", () => reject(new Error("given up"))));
  };
  const asked = new Gate();
  const slow: ManagerStore["claim"] = async (...call) => {
    await asked.handle({}, { attempt: 1 } as TaskContext);
    return bench.managerStore.claim(...call);
  };
  const manager = await bench.manager("here", { functions: { work }, store: claiming(slow) });
  const id = await bench.submit("work", here);
  await asked.entered();
  const stopped = manager.stopNow();
  await until("it has ended", () => signal!.aborted && manager.state().running === 0);
  asked.letGo();
  await stopped;
  expect(await bench.responses("work", id)).toMatchObject([{ status: "received", attempt: 0 }]);
  expect(manager.state()).toMatchObject({ released: 1, granted: 1 });
});

test("what the store was told of while it waited for a slot is claimed first", async () => {
  await lateBench({ concurrency: 1 });
  const gate = new Gate();
  const manager = await bench.manager("here", { functions: { work: gate.handle } });
  const ids = [await bench.submit("work", here), await bench.submit("work", here)];
  await until("the second is known to wait", async () => {
    const [response] = await bench.responses("work", ids[1]!);
    return response!.status === "received";
  });
  gate.letGo();
  for (const id of ids) expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
  expect(manager.state()).toMatchObject({ begun: 1, granted: 2 });
});

describe("messages that somebody sends", () => {
  /** What the API publishes for a task, sent once more. */
  async function message(id: string, meantFor: string[]): Promise<string> {
    const key = await bench.managerStore.messageKey();
    const row = { version: 1, attempt: 0, attempts: 3, generation: 1, timeoutMs: 20_000 };
    const task = { id, job: null, priority: 0, identifier: "x", payload: "{}", traceparent: null, ...row };
    return encodeMessage("work", [task], key, meantFor);
  }
  const send = (body: string) =>
    bench.transport.publish({ address: queue, body, messageId: newId(), correlationId: newId(), type: "work" });

  test("one that came twice runs once, while it runs and when it has ended", async () => {
    await lateBench();
    const gate = new Gate();
    const manager = await bench.manager("here", { functions: { work: gate.handle } });
    const id = await bench.submit("work", here);
    await gate.entered();
    await send(await message(id, ["here"]));
    await until("the second is refused", () => manager.state().refusedHeld === 1);
    gate.letGo();
    expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
    expect(gate.runs).toHaveLength(1);
  });

  test("one that comes when all is done may run once more, and changes nothing", async () => {
    await lateBench();
    let runs = 0;
    const manager = await bench.manager("here", { functions: { work: () => ++runs } });
    const id = await bench.submit("work", here);
    const [response] = await bench.settled("work", id);
    await send(await message(id, ["here"]));
    await until("its result is refused", () => manager.state().superseded === 1);
    expect(await bench.responses("work", id)).toEqual([response]);
    expect([runs, response!.result]).toEqual([2, "1"]);
  });

  test("one that does not name this endpoint is claimed first, and whoever is not on the task's list never runs it", async () => {
    await lateBench();
    let runs = 0;
    const manager = await bench.manager("here", { functions: { work: () => ++runs } });
    const id = await bench.submit("work", { endpoints: ["there"] });
    // One after the other: of two that wait at once the second adds nothing, and no claim is made for it.
    for (const [i, names] of [["elsewhere", "here-2", "not-here"], [], ["there"]].entries()) {
      await send(await message(id, names));
      await until(`"${names}" is refused`, () => manager.state().refusedUnknown === i + 1);
    }
    expect([runs, manager.state().begun]).toEqual([0, 0]);
  });
});
