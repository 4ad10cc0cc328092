import { rmSync } from "node:fs";
import { join } from "node:path";
import { StoreUnavailable } from "../../src/errors";
import type { ManagerStore } from "../../src/store/store";
import { Gate, ManagerHarness } from "../manager/harness";
import { testFolder, typeConfig } from "../manager/support";
import { steppableClock } from "../support/clock";
import { createDatabase } from "../support/services";
import { until } from "../support/until";

const HOUR_MS = 3_600_000;
const TTL_MS = 1000;

/** The store as a manager sees it whose heartbeats get lost. */
function unheard(store: ManagerStore): ManagerStore {
  return new Proxy(store, {
    get(target, name: keyof ManagerStore) {
      if (name === "heartbeat") return () => Promise.reject(new StoreUnavailable("away"));
      return (target[name] as (...all: unknown[]) => unknown).bind(target);
    },
  });
}

describe.each(["sqlite", "mariadb"])("steps of the database's clock (%s)", (kind) => {
  const folder = testFolder();
  let databaseUri: string;
  let drop: () => Promise<void>;
  let clock: Awaited<ReturnType<typeof steppableClock>>;
  let bench: ManagerHarness;

  beforeAll(async () => {
    if (kind === "sqlite") {
      databaseUri = `sqlite:${join(folder, "tasker.db")}`;
      drop = async () => rmSync(folder, { recursive: true });
    } else ({ uri: databaseUri, drop } = await createDatabase("clock"));
    clock = await steppableClock(databaseUri);
  });
  afterAll(async () => {
    await clock.close();
    await drop();
  });
  beforeEach(async () => {
    bench = await ManagerHarness.open([typeConfig("work", { concurrency: 2 })], {
      databaseUri,
      manager: { ttlMs: TTL_MS },
    });
  });
  afterEach(() => bench.close());

  describe.each([
    ["forward", HOUR_MS],
    ["back", -HOUR_MS],
  ])("%s", (_, ms) => {
    test("takes nothing from who lives, and nothing runs twice", async () => {
      const gate = new Gate();
      const manager = await bench.manager("here", { functions: { work: gate.handle } });
      const ids = [
        await bench.submit("work", { endpoints: ["here"] }),
        await bench.submit("work", { endpoints: ["here"] }),
      ];
      await gate.entered(2);
      await clock.step(ms);
      // Beyond the time to live, within which an attempt that is overdue has to be confirmed.
      const { heartbeats } = manager.state();
      await until("it has lived on for long", () => manager.state().heartbeats > heartbeats + (4 * TTL_MS) / 200);
      gate.letGo();
      for (const id of ids) {
        expect(await bench.settled("work", id)).toMatchObject([{ status: "succeeded", attempt: 1 }]);
        expect(await bench.attempts(id, "here")).toEqual([]);
      }
      expect(gate.runs).toHaveLength(2);
      expect(manager.state()).toMatchObject({ incarnationsLost: 0, leasesLost: 0 });
    });
  });

  test("one back does not hide a manager that is gone: what it ran is attempted again", async () => {
    const gate = new Gate();
    await bench.manager("here", {
      functions: { work: gate.handle },
      slot: "gone",
      store: unheard(bench.managerStore),
    });
    const id = await bench.submit("work", { endpoints: ["here"] });
    await gate.entered();
    await clock.step(-HOUR_MS);
    await bench.manager("here", { functions: { work: () => "done" }, slot: "lives" });
    await until("it is done by the one that lives", async () => {
      const [response] = await bench.responses("work", id);
      return response!.status === "succeeded";
    });
    expect(await bench.attempts(id, "here")).toMatchObject([{ outcome: "lost", attempt: 1 }]);
    gate.letGo();
  });
});
