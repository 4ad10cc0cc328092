import { type Connection, createConnection } from "mysql2/promise";
import { StoreUnavailable } from "../../src/errors";
import { silentLog } from "../../src/log";
import type { Database } from "../../src/store/sql/connection";
import { Logs } from "../../src/store/sql/managers/log";
import { MysqlDatabase } from "../../src/store/sql/mysql/database";
import { openStore } from "../../src/store/sql/open";
import type { Store } from "../../src/store/store";
import { TcpProxy } from "../support/proxy";
import { createDatabase, type Scratch } from "../support/services";
import { until } from "../support/until";
import { claimed, createdTask, endOf, living, newTask, rowOf } from "./support";

const OPTIONS = { poolSize: 4, deadlineMs: 1500, tls: null, log: silentLog };

let scratch: Scratch;
let proxy: TcpProxy;
/** By way of the proxy. */
let store: Store;
/** Not by way of the proxy. */
let other: Store;
let beside: Connection;

beforeAll(async () => {
  scratch = await createDatabase("faults");
  proxy = await TcpProxy.to(scratch.uri);
  store = await openStore({ ...OPTIONS, uri: proxy.through(scratch.uri) });
  other = await openStore({ ...OPTIONS, deadlineMs: 10_000, uri: scratch.uri });
  await other.migrate();
  beside = await createConnection({ uri: scratch.uri, dateStrings: true });
});

afterEach(() => proxy.set({ mode: "pass" }));

afterAll(async () => {
  await beside.end();
  await Promise.all([store.close(), other.close()]);
  await proxy.close();
  await scratch.drop();
});

describe("a MySQL server in trouble", () => {
  it("that is frozen makes every call fail within its deadline, and leaves the pool healthy", async () => {
    await Promise.all(Array.from({ length: 20 }, () => store.ping()));
    proxy.set({ mode: "blackhole" });
    const calls = [
      ...Array.from({ length: 30 }, () => store.tasks.create([newTask()])),
      ...Array.from({ length: 10 }, () => store.tasks.list({ limit: 1 })),
      store.ping(200),
    ];
    const outcomes = await Promise.allSettled(calls);
    expect(
      outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason instanceof StoreUnavailable),
    ).toBe(true);
    proxy.set({ mode: "pass" });
    // No connection of the frozen time is used again: all of these go through at once.
    await Promise.all(Array.from({ length: 50 }, () => store.ping()));
    await createdTask(store);
  });

  it("that freezes in the middle of a transaction leaves nothing half done", async () => {
    const tasks = [newTask(), newTask()];
    proxy.set({ mode: "blackhole", direction: "toClient" });
    await expect(store.tasks.create(tasks)).rejects.toThrow(StoreUnavailable);
    proxy.set({ mode: "pass" });
    expect((await store.tasks.create(tasks)).map(({ kind }) => kind)).toEqual(["created", "created"]);
    expect((await store.tasks.find(tasks[0]!.type, tasks[0]!.id))!.responses).toHaveLength(1);
  });

  it("that breaks all connections is asked again, and the caller notices nothing", async () => {
    const tasks = await Promise.all(Array.from({ length: 8 }, () => createdTask(store)));
    proxy.cut();
    await Promise.all(tasks.map(({ type, id }) => store.tasks.find(type, id)));
    proxy.cut();
    await Promise.all(Array.from({ length: 8 }, () => createdTask(store)));
  });

  it("that refuses connections is given up soon, and found again", async () => {
    proxy.set({ mode: "rst" });
    await expect(store.ping()).rejects.toThrow(StoreUnavailable);
    proxy.set({ mode: "pass" });
    await store.ping();
  });

  it("that resets whoever connects is given up long before the deadline, like one that refuses", async () => {
    const patient = await openStore({ ...OPTIONS, deadlineMs: 120_000, uri: proxy.through(scratch.uri) });
    proxy.set({ mode: "rst" });
    await expect(patient.ping()).rejects.toThrow(StoreUnavailable);
    await patient.close();
  });

  it("whose answer to a COMMIT is lost has done what was asked, once", async () => {
    const [task, retried, cancelled, finished] = [
      newTask(),
      await createdTask(other),
      await createdTask(other),
      await createdTask(other),
    ];
    proxy.set({ mode: "cutAnswer", to: "COMMIT" });
    expect((await store.tasks.create([task])).map(({ kind }) => kind)).toEqual(["created"]);

    await other.managers.finish([endOf(await claimed(other, retried.id), { status: "failed", reason: "error" })]);
    proxy.set({ mode: "cutAnswer", to: "COMMIT" });
    expect(
      await store.tasks.retry(retried.id, { statuses: ["failed"] }, { waitMs: 1000, expiresMs: null }),
    ).toHaveLength(1);
    expect(await rowOf(other, retried)).toMatchObject({ generation: 2, status: "expected" });

    proxy.set({ mode: "cutAnswer", to: "COMMIT" });
    expect((await store.tasks.cancel(cancelled.id))![0]!.outcome).toBe("withdrawn");

    const end = endOf(await claimed(other, finished.id), { status: "retrying", retryInMs: 0, reason: "error" });
    proxy.set({ mode: "cutAnswer", to: "COMMIT" });
    expect(await store.managers.finish([end])).toEqual([{ kind: "recorded" }]);
    expect(await other.tasks.attempts(finished.id, "lb-1")).toHaveLength(1);
  });

  it("whose answer to a piece of log is lost keeps it once", async () => {
    const task = await createdTask(other);
    const key = { taskId: task.id, endpoint: "lb-1", job: "", attempt: 1 };
    const texts = async () => (await other.tasks.log(key, 0, 100)).map((chunk) => chunk.text);
    proxy.set({ mode: "cutAnswer", to: "COMMIT" });
    await store.managers.log([
      { ...key, text: "tick\n" },
      { ...key, text: "tick\n" },
    ]);
    expect(await texts()).toEqual(["tick\n", "tick\n"]);
    await store.managers.log([{ ...key, text: "tick\n" }]);
    expect(await texts()).toEqual(["tick\n", "tick\n", "tick\n"]);
  });

  it("that answers too late that a piece of log is stored is asked again, and keeps it once", async () => {
    const task = await createdTask(other);
    const key = { taskId: task.id, endpoint: "lb-1", job: "", attempt: 1 };
    const database = new MysqlDatabase({ ...OPTIONS, uri: scratch.uri });
    const late: Database = Object.create(database, {
      write: {
        value: async (...args: Parameters<Database["write"]>) => {
          await database.write(...args);
          throw new StoreUnavailable("The answer came too late.");
        },
      },
    });
    const logs = new Logs(late);
    const write = (text: string) => logs.add([{ ...key, text }]).catch(() => undefined);
    for (const text of ["one\n", "one\n", "two\n", "two\n", "two\n"]) await write(text);
    expect((await other.tasks.log(key, 0, 100)).map((chunk) => chunk.text)).toEqual(["one\n", "two\n"]);
    await database.close();
  });

  it("whose answer to a claim or a finish is lost has counted the attempt once", async () => {
    const task = await createdTask(other);
    proxy.set({ mode: "cutAnswer", to: "SET status = 'running'" });
    const grant = await claimed(store, task.id);
    expect(grant.attempt).toBe(1);
    proxy.set({ mode: "cutAnswer", to: "SET status = 'succeeded'" });
    expect(await store.managers.finish([endOf(grant)])).toEqual([{ kind: "recorded" }]);
    expect(await rowOf(other, task)).toMatchObject({ status: "succeeded", version: 3 });
  });

  it("is asked once for a claim of what its message tells, by a manager that lives", async () => {
    const manager = await living(other);
    for (const warm of [true, false]) {
      const task = await createdTask(other);
      const { identifier, payload } = task;
      const row = { version: 1, attempt: 0, attempts: 3, generation: 1, timeoutMs: 60_000 };
      const known = { endpoint: "lb-1", identifier, payload, traceparent: null, ...row };
      const before = proxy.sent.pieces;
      const claim = { taskId: task.id, job: "", type: task.type, generation: 1, known };
      expect(await store.managers.claim(manager, "lb-1", [claim])).toMatchObject([{ granted: true }]);
      if (!warm) expect(proxy.sent.pieces - before).toBe(1);
    }
  });

  it("gives a claim that was granted unheard to the same manager again, and to nobody else", async () => {
    const [task, manager] = [await createdTask(other), await living(other)];
    const claims = [{ taskId: task.id, job: "" }];
    await store.ping();
    proxy.set({ mode: "blackhole", direction: "toClient" });
    await expect(store.managers.claim(manager, "lb-1", claims)).rejects.toThrow(StoreUnavailable);
    await until("the claim to have arrived", async () => (await rowOf(other, task)).status === "running");
    proxy.set({ mode: "pass" });
    expect((await store.managers.claim(await living(other), "lb-1", claims))[0]).toMatchObject({
      granted: false,
      why: "held",
    });
    const [answer] = await store.managers.claim(manager, "lb-1", claims);
    expect(answer).toMatchObject({ granted: true, attempt: 1, leaseId: (await rowOf(other, task)).leaseId });
    expect((await store.managers.claim(manager, "lb-1", claims))[0]).toMatchObject({ granted: false, why: "held" });
  });

  it("that rolls a transaction back for a deadlock is asked again", async () => {
    const tasks = await Promise.all(
      Array.from({ length: 30 }, () => createdTask(other, { endpoints: ["lb-1", "lb-2"] })),
    );
    const ids = tasks.map(({ id }) => id);
    const manager = await living(other);
    // Settling, cancelling, claiming and publishing the same rows in all directions.
    const work = Array.from({ length: 6 }, (_, i) => [
      other.maintenance.storeStatus(i % 2 ? ids : [...ids].reverse()),
      other.managers.claim(
        manager,
        `lb-${(i % 2) + 1}`,
        ids.map((taskId) => ({ taskId, job: "" })),
      ),
      other.maintenance.markPublished(
        ids.map((taskId) => ({ taskId, endpoint: "lb-2", job: "" })),
        1000,
      ),
      ...ids.slice(0, 10).map((id) => other.tasks.cancel(id)),
    ]).flat();
    await Promise.all(work);
    for (const { responses } of await other.tasks.states(ids)) {
      expect(responses.every(({ attempt }) => attempt <= 1)).toBe(true);
    }
  });

  it("waits for a row that another transaction holds no longer than the deadline", async () => {
    const task = await createdTask(other);
    await beside.query("START TRANSACTION");
    await beside.query("SELECT * FROM tasks WHERE id = ? FOR UPDATE", [task.id]);
    await expect(store.tasks.cancel(task.id)).rejects.toThrow(StoreUnavailable);
    await beside.query("ROLLBACK");
    expect(await store.tasks.cancel(task.id)).toHaveLength(1);
  });

  it("takes more callers than connections, and turns away what would wait for ever", async () => {
    expect(await Promise.all(Array.from({ length: 500 }, () => store.ping(5000)))).toHaveLength(500);
    const outcomes = await Promise.allSettled(Array.from({ length: 3000 }, () => store.ping(10_000)));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.every((outcome) => (outcome as PromiseRejectedResult).reason instanceof StoreUnavailable)).toBe(
      true,
    );
    expect(outcomes.length - refused.length).toBeGreaterThanOrEqual(1000);
  });
});

describe("a MySQL server that is not as it should be", () => {
  const unavailableWith = async (uri: string, text: RegExp) => {
    const broken = await openStore({ ...OPTIONS, uri });
    const error = await broken.tasks.list({ limit: 1 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect((error as Error).message).toMatch(text);
    expect((error as Error).message).not.toContain("s3cret");
    await broken.close();
  };

  it("is told apart: nobody there, wrong password, no such database, no tables", async () => {
    const { port } = new URL(scratch.uri);
    await unavailableWith("mysql://root:s3cret@127.0.0.1:1/tasker", /127\.0\.0\.1:1.*ECONNREFUSED/);
    await unavailableWith(`mysql://nobody:s3cret@127.0.0.1:${port}/tasker`, /Access denied/);
    const missing = new URL(scratch.uri);
    missing.pathname = "/tasker_no_such_database";
    await unavailableWith(missing.href, /Unknown database|Access denied/);
    const empty = await createDatabase("empty");
    await unavailableWith(empty.uri, /tasker initialize/);
    await empty.drop();
  });

  it("refuses a URI without a database and a mode it does not know", async () => {
    await expect(openStore({ ...OPTIONS, uri: "mysql://root@127.0.0.1" })).rejects.toThrow(/names no database/);
    await expect(openStore({ ...OPTIONS, uri: `${scratch.uri}?ssl-mode=maybe` })).rejects.toThrow(/ssl-mode=maybe/);
    await expect(openStore({ ...OPTIONS, uri: "postgres://x/y" })).rejects.toThrow(/postgres:/);
  });
});

describe("a row that is too large for the server", () => {
  it("is refused alone, at creation and at the finish", async () => {
    const [[row]] = (await beside.query("SELECT @@max_allowed_packet AS bytes")) as unknown as [[{ bytes: number }]];
    const huge = JSON.stringify({ text: "x".repeat(row.bytes) });
    const most = JSON.stringify({ text: "x".repeat(Math.floor(row.bytes * 0.6)) });
    const tasks = [
      newTask(),
      newTask({ payload: huge }),
      newTask({ payload: most }),
      newTask({ payload: most }),
      newTask(),
    ];
    const outcomes = await other.tasks.create(tasks);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["created", "refused", "created", "created", "created"]);
    expect((outcomes[1] as { error: Error }).error.message).toMatch(/max_allowed_packet/);
    expect(outcomes[1]).toMatchObject({ error: { code: "body_too_large" } });

    const [one, two] = [await createdTask(other), await createdTask(other)];
    const ends = [
      endOf(await claimed(other, one.id), { result: huge }),
      endOf(await claimed(other, two.id), { result: most }),
    ];
    expect((await other.managers.finish(ends)).map(({ kind }) => kind)).toEqual(["refused", "recorded"]);
    expect((await rowOf(other, one)).status).toBe("running");
    // Quotes and backslashes take two bytes each on their way.
    const quotes = '"\\'.repeat(Math.floor(row.bytes * 0.3));
    expect((await other.managers.finish([{ ...ends[0]!, result: quotes }])).map(({ kind }) => kind)).toEqual([
      "refused",
    ]);
    expect((await other.managers.finish([{ ...ends[0]!, result: null }])).map(({ kind }) => kind)).toEqual([
      "recorded",
    ]);
  });
});
