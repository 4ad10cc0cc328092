import { StoreUnavailable } from "../../src/errors";
import type { ManagerStore } from "../../src/store/store";
import { TcpProxy } from "../support/proxy";
import { createDatabase, type Scratch } from "../support/services";
import { until } from "../support/until";
import { Gate, ManagerHarness } from "./harness";
import { typeConfig } from "./support";

const here = { endpoints: ["here"] };
const TTL_MS = 1500;

/** A manager that the database cannot hear for a while. */
describe("cut off from the database", () => {
  let database: Scratch;
  let proxy: TcpProxy;
  let bench: ManagerHarness;

  beforeEach(async () => {
    database = await createDatabase("cutoff");
    proxy = await TcpProxy.to(database.uri);
  });
  afterEach(async () => {
    await bench.close();
    await proxy.close();
    await database.drop();
  });

  async function open(more: Parameters<typeof typeConfig>[1] = {}): Promise<void> {
    bench = await ManagerHarness.open([typeConfig("work", { concurrency: 10, ...more })], {
      databaseUri: database.uri,
      managersDatabaseUri: proxy.through(database.uri),
      deadlineMs: 500,
      manager: { ttlMs: TTL_MS },
    });
  }

  const stateOf = async (id: string) =>
    (await bench.store.tasks.endpoint("here"))!.managers.find((one) => one.id === id)!.state;

  describe.each(["rst", "blackhole"] as const)("(%s)", (mode) => {
    describe.each([
      ["first", "each"],
      ["first", "one"],
      ["late", "each"],
    ] as const)("claim %s, deliver %s", (claim, deliver) => {
      test("for longer than its time to live it is granted nothing before it has registered anew, and no attempt is charged", async () => {
        await open({ claim, deliver });
        const [running, later] = [new Gate(), new Gate()];
        let cut = false;
        const manager = await bench.manager("here", {
          functions: { work: (payload, context) => (cut ? later : running).handle(payload, context) },
        });
        const request = deliver === "each" ? here : {};
        const before = await bench.submit("work", request);
        await running.entered();
        // And the answer has come: a late claim whose answer was lost is made again under its lease, and takes the row back.
        await until("its claim is granted", () => manager.state().granted === 1);
        expect(await bench.responses("work", before)).toMatchObject([{ status: "running", attempt: 1 }]);
        const { managerId } = manager.state();
        proxy.set({ mode });
        cut = true;
        const meanwhile: string[] = [];
        for (let i = 0; i < 5; i++) meanwhile.push(await bench.submit("work", request));
        await until("it is declared dead", async () => (await stateOf(managerId!)) === "dead");
        await until("its work is taken", async () => (await bench.responses("work", before))[0]!.status === "retrying");
        expect(manager.state().managerId).toBe(managerId);
        proxy.set({ mode: "pass" });
        await until("it has registered anew", () => ![managerId, null].includes(manager.state().managerId));
        await until("what was taken is told to stop", () => running.runs[0]!.signal.aborted);
        expect(running.runs[0]!.signal.reason.message).toBe("lease_lost");
        await later.entered(claim === "late" ? 1 : 6);
        running.letGo();
        later.letGo();
        for (const id of meanwhile) {
          expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
          expect(await bench.attempts(id, deliver === "one" ? "*" : "here")).toEqual([]);
        }
        expect(await bench.settled("work", before)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
        await until("the result of what was taken is refused", () => manager.state().superseded === 1);
        const history = await bench.attempts(before, deliver === "one" ? "*" : "here");
        expect(history.map(({ outcome }) => outcome).sort()).toEqual(["lost", "superseded"]);
        const runs = [...running.runs, ...later.runs].map(({ taskId }) => taskId).sort();
        expect(runs).toEqual([before, before, ...meanwhile].sort());
      });
    });

    test("for less than its time to live it goes on with what it runs, and nothing is taken from it", async () => {
      await open();
      const gate = new Gate();
      const manager = await bench.manager("here", { functions: { work: gate.handle } });
      const ids = [await bench.submit("work", here)];
      await gate.entered();
      proxy.set({ mode });
      ids.push(await bench.submit("work", here));
      await until("a claim has failed", () => manager.state().claimCalls === 2);
      proxy.set({ mode: "pass" });
      await gate.entered(2);
      gate.letGo();
      for (const id of ids) {
        expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
        expect(await bench.attempts(id, "here")).toEqual([]);
      }
      expect(manager.state()).toMatchObject({ incarnationsLost: 0, leasesLost: 0 });
    });
  });
});

describe("after an outage", () => {
  let bench: ManagerHarness;
  afterEach(() => bench.close());

  test.each(["first", "late"] as const)(
    "a heartbeat is answered before anything is taken, claimed or begun (claim: %s)",
    async (claim) => {
      bench = await ManagerHarness.open([typeConfig("work", { claim })], {
        manager: { heartbeatMs: 60_000, ttlMs: 120_000 },
      });
      const calls: string[] = [];
      let away = false;
      const store = new Proxy(bench.managerStore, {
        get:
          (target, name: keyof ManagerStore) =>
          async (...given: unknown[]) => {
            if (["claim", "heartbeat", "finish"].includes(name)) calls.push(away ? `${name} in vain` : name);
            if (away) throw new StoreUnavailable("away");
            return (target[name] as (...all: unknown[]) => unknown).call(target, ...given);
          },
      });
      const gate = new Gate();
      const manager = await bench.manager("here", {
        functions: {
          work: (payload, context) => {
            calls.push("run");
            return gate.handle(payload, context);
          },
        },
        store,
      });
      const first = await bench.submit("work", here);
      await gate.entered();
      away = true;
      gate.letGo();
      await until("its end has failed", () => calls.includes("finish in vain"));
      await until("a heartbeat was tried in vain", () => calls.includes("heartbeat in vain"));
      const second = await bench.submit("work", here);
      await until("a heartbeat was tried again", () => calls.filter((call) => call === "heartbeat in vain").length > 2);
      expect(manager.state().deliveries).toBe(1);
      const before = calls.length;
      away = false;
      for (const id of [first, second])
        expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
      const after = calls.slice(before).filter((call) => ["heartbeat", "claim", "run"].includes(call));
      expect(after.slice(0, 2)).toEqual(["heartbeat", claim === "first" ? "claim" : "run"]);
    },
  );
});
