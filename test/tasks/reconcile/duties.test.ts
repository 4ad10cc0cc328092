import { silentLog } from "../../../src/log";
import { newId } from "../../../src/model/ids";
import { Creator } from "../../../src/tasks/create";
import { Every } from "../../../src/tasks/reconcile/duty";
import { Housekeeping } from "../../../src/tasks/reconcile/housekeeping";
import { Leases } from "../../../src/tasks/reconcile/leases";
import { LostMessages } from "../../../src/tasks/reconcile/lost-messages";
import { Newcomers } from "../../../src/tasks/reconcile/newcomers";
import { Purge } from "../../../src/tasks/reconcile/purge";
import { Inbox } from "../../../src/tasks/requests/inbox";
import { typeConfig } from "../../manager/support";
import { claimed, createdTask, dueOf, endOf, living, oldId, PAST, registration, rowOf } from "../../store/support";
import { openParts, type Parts } from "../support";

/** What the reconciler does beside the responses that are due: each duty alone. */

const TYPES = [
  typeConfig("work", { endpoints: ["a"] }),
  typeConfig("kept-briefly", { endpoints: ["a"], keepMs: 1000 }),
  typeConfig("shared", { deliver: "one", endpoints: ["a"] }),
];

let on: Parts;
beforeEach(async () => {
  on = await openParts(TYPES);
});
afterEach(() => on.close());

const stored = (type = "work", id = newId()) => createdTask(on.store, { type, id, endpoints: ["a"] });
const exists = async ({ type, id }: { type: string; id: string }) => (await on.store.tasks.find(type, id)) !== null;

test("something that is done every second is done at the first look, and then once a second", () => {
  const every = new Every();
  expect([0, 999, 1000, 1500, 2000].map((now) => every.due(now, 1000))).toEqual([true, false, true, false, true]);
  every.hurry();
  expect(every.due(2001, 1000)).toBe(true);
});

describe("a broker that has lost its messages", () => {
  const isDue = async (task: { id: string }) => (await dueOf(on.store, task.id)).length > 0;
  const publishedTask = async () => {
    const task = await stored();
    await on.store.maintenance.markPublished([{ taskId: task.id, endpoint: "a", job: "" }], 30_000);
    return task;
  };

  test("is noticed once; what was published and not claimed is due at once", async () => {
    const lost = new LostMessages(on.store.maintenance, on.transport);
    const [task, ended] = [await publishedTask(), await publishedTask()];
    await on.store.managers.finish([endOf(await claimed(on.store, ended.id, { endpoint: "a" }))]);
    expect(await isDue(task)).toBe(false);
    expect(await lost.work()).toBe(true);
    expect([await isDue(task), await isDue(ended)]).toEqual([true, false]);
    const next = await publishedTask();
    expect(await lost.work()).toBe(false);
    expect(await isDue(next)).toBe(false);
  });

  test("that is away holds up nobody, and is asked when it is back", async () => {
    const lost = new LostMessages(on.store.maintenance, on.transport);
    const task = await publishedTask();
    on.transport.connected = false;
    expect(await lost.work()).toBe(false);
    expect(await isDue(task)).toBe(false);
    on.transport.connected = true;
    expect(await lost.work()).toBe(true);
    expect(await isDue(task)).toBe(true);
  });

  test("is not marked as noticed before the store has taken it in", async () => {
    const markUnpublished = () => Promise.reject(new Error("away"));
    const task = await publishedTask();
    const failing = new LostMessages({ ...on.store.maintenance, markUnpublished }, on.transport);
    await expect(failing.work()).rejects.toThrow("away");
    expect(await new LostMessages(on.store.maintenance, on.transport).work()).toBe(true);
    expect(await isDue(task)).toBe(true);
  });
});

describe("leases", () => {
  test("of a manager that sends no heartbeat for its time to live are due at once", async () => {
    const silent = await living(on.store, { endpoint: "a", ttlMs: 3000 });
    const lives = await living(on.store, { endpoint: "a", slot: "1", ttlMs: 3000 });
    const [lost, held] = [await stored(), await stored()];
    await claimed(on.store, lost.id, { endpoint: "a", manager: silent });
    await claimed(on.store, held.id, { endpoint: "a", manager: lives });
    const leases = new Leases(on.store.maintenance, 1000, silentLog);
    for (let now = 0; now <= 4000; now += 1000) {
      on.sql("UPDATE managers SET heartbeat_at = ? WHERE id = ?", `2030-01-01 00:00:0${now / 1000}.000`, lives);
      await leases.work(now);
    }
    expect(await dueOf(on.store, lost.id)).toMatchObject([{ lost: true }]);
    expect(await dueOf(on.store, held.id)).toEqual([]);
  });

  test("are judged anew after others have led, or after a round that failed", async () => {
    const silent = await living(on.store, { ttlMs: 3000 });
    const leases = new Leases(on.store.maintenance, 1000, silentLog);
    for (let now = 0; now < 3000; now += 1000) await leases.work(now);
    leases.resign();
    for (let now = 3000; now < 6000; now += 1000) await leases.work(now);
    leases.failed();
    for (let now = 6000; now < 9000; now += 1000) await leases.work(now);
    expect((await on.store.maintenance.heartbeats()).map(({ managerId }) => managerId)).toEqual([silent]);
  });
});

test("no manager is dead that could not be heard, because the broker or the recorder was away", async () => {
  const silent = await living(on.store, { ttlMs: 3000 });
  let heard = true;
  const leases = new Leases(on.store.maintenance, 1000, silentLog, () => heard);
  const heartbeats = async () => (await on.store.maintenance.heartbeats()).map(({ managerId }) => managerId);
  for (let now = 0; now < 2500; now += 500) await leases.work(now);
  heard = false;
  for (let now = 2500; now < 20_000; now += 500) await leases.work(now);
  heard = true;
  for (let now = 20_000; now < 22_500; now += 500) await leases.work(now);
  expect(await heartbeats()).toEqual([silent]);
  for (let now = 22_500; now < 25_000; now += 500) await leases.work(now);
  expect(await heartbeats()).toEqual([]);
});

describe("newcomers", () => {
  test("have their queues before anything is published there", async () => {
    const newcomers = new Newcomers(on.config, on.store.maintenance, on.queues, silentLog);
    const { endpoint } = await registered(["work", "shared"]);
    await newcomers.work(1000);
    await newcomers.idle();
    expect(on.transport.hasEndpoint("work", endpoint)).toBe(true);
    expect(await on.transport.depth({ to: "one", type: "shared" })).toEqual({ ready: 0, consumers: 0 });
  });

  test("that come later are found a second later, and all that live once this process leads again", async () => {
    const newcomers = new Newcomers(on.config, on.store.maintenance, on.queues, silentLog);
    const look = async (now: number) => {
      await newcomers.work(now);
      await newcomers.idle();
    };
    const found = ({ endpoint }: { endpoint: string }) => on.transport.hasEndpoint("work", endpoint);
    await look(1000);
    const later = await registered(["work"]);
    await look(1500);
    expect(found(later)).toBe(false);
    await look(2000);
    expect(found(later)).toBe(true);
    const unnoticed = await registered(["work"]);
    on.sql("UPDATE managers SET started_at = ? WHERE id = ?", PAST, unnoticed.id);
    await look(3000);
    expect(found(unnoticed)).toBe(false);
    newcomers.resign();
    await look(4000);
    expect(found(unnoticed)).toBe(true);
  });

  const registered = async (types: string[]) => {
    const manager = registration({ types });
    await on.store.managers.register(manager);
    return manager;
  };
});

describe("housekeeping", () => {
  test("deletes the queues of an endpoint that was removed, and goes on deleting them for a minute", async () => {
    const housekeeping = new Housekeeping(on.store.maintenance, on.queues, silentLog);
    await on.queues.endpointsOf("work");
    await on.store.tasks.removeEndpoint("a", false);
    await housekeeping.work(0);
    expect(on.transport.hasEndpoint("work", "a")).toBe(false);
    expect((await on.store.maintenance.leavingEndpoints()).map(({ name }) => name)).toEqual(["a"]);
    await on.transport.declareEndpoint("work", "a");
    await housekeeping.work(5000);
    expect(on.transport.hasEndpoint("work", "a")).toBe(false);
  });

  test("deletes the queue of a type that no manager of the endpoint serves any more", async () => {
    const first = registration({ types: ["work"], endpoint: "b" });
    await on.store.managers.register(first);
    const housekeeping = new Housekeeping(on.store.maintenance, on.queues, silentLog);
    await housekeeping.work(0);
    await on.queues.endpointsOf("work", ["b"]);
    expect(on.transport.hasEndpoint("work", "b")).toBe(true);
    await on.store.managers.register({ ...first, id: newId(), types: ["shared"] });
    await housekeeping.work(1000);
    expect(on.transport.hasEndpoint("work", "b")).toBe(false);
  });
});

describe("leftovers", () => {
  test("are the types that the config has had, with the keep time that they had", async () => {
    await on.store.maintenance.configureTypes([{ name: "gone", deliver: "each", keepMs: 5000 }]);
    await on.leftovers.start();
    expect(on.leftovers.types()).toContainEqual(expect.objectContaining({ name: "gone", keepMs: 5000 }));
  });

  test("of the other kind of delivery are served until the last of them has ended", async () => {
    const told = () => on.rows("SELECT open_deliver FROM endpoint_types WHERE type = 'shared'");
    const task = await stored("shared");
    await on.leftovers.start();
    expect(told()).toEqual([{ open_deliver: "each" }]);
    await on.leftovers.work(10_000);
    expect(told()).toEqual([{ open_deliver: "each" }]);
    await on.store.managers.finish([endOf(await claimed(on.store, task.id, { endpoint: "a" }))]);
    await on.leftovers.work(20_000);
    expect(told()).toEqual([{ open_deliver: null }]);
  });
});

describe("purging", () => {
  async function finished(type: string) {
    const task = await stored(type, oldId());
    await on.store.managers.finish([endOf(await claimed(on.store, task.id, { endpoint: "a" }))]);
    await on.store.maintenance.storeStatus([task.id]);
    on.sql("UPDATE tasks SET finished_at = ? WHERE id = ?", PAST, task.id);
    return task;
  }

  test("deletes finished tasks past their keep time, and neither open ones nor those that are kept for ever", async () => {
    const [old, kept, open] = [await finished("kept-briefly"), await finished("work"), await stored("kept-briefly")];
    await new Purge(on.store.maintenance, on.leftovers, silentLog).work(0, false);
    expect(await Promise.all([old, kept, open].map(exists))).toEqual([false, true, true]);
  });

  test("waits while there is other work", async () => {
    const purge = new Purge(on.store.maintenance, on.leftovers, silentLog);
    const task = await finished("kept-briefly");
    await purge.work(0, true);
    expect(await exists(task)).toBe(true);
    await purge.work(1, false);
    expect(await exists(task)).toBe(false);
  });

  test.each([
    ["ten times within the shortest keep time", 20_000, 2000],
    ["at most once a second", 1000, 1000],
    ["at least once a minute", 3_600_000, 60_000],
  ])("looks %s", async (_, keepMs, everyMs) => {
    const types = () => [
      { name: "kept-briefly", deliver: "each" as const, keepMs },
      { name: "work", deliver: "each" as const, keepMs: null },
    ];
    const purge = new Purge(on.store.maintenance, { types }, silentLog);
    await purge.work(0, false);
    const task = await finished("kept-briefly");
    await purge.work(everyMs - 1, false);
    expect(await exists(task)).toBe(true);
    await purge.work(everyMs, false);
    expect(await exists(task)).toBe(false);
  });
});

describe("the inbox", () => {
  const insert = (type: string, body: unknown) => {
    const id = newId();
    const values = [id, type, newId(), JSON.stringify(body)];
    on.sql("INSERT INTO task_requests (id, type, identifier, body) VALUES (?, ?, ?, ?)", ...values);
    return id;
  };
  const inbox = () => {
    const storeStatus = on.store.maintenance.storeStatus;
    const gate = { check: () => undefined };
    const creator = new Creator(on.config, on.store.tasks, gate, (tasks) => on.publisher.created(tasks), storeStatus);
    return new Inbox(on.config, on.store.maintenance, on.store.access, creator, silentLog);
  };

  test("becomes tasks under the requests' ids, and is empty then", async () => {
    const id = insert("work", { payload: { n: 1 }, endpoints: ["a"] });
    await inbox().takeIn();
    expect(await rowOf(on.store, { type: "work", id } as Parameters<typeof rowOf>[1])).toMatchObject({ endpoint: "a" });
    expect(on.rows("SELECT id FROM task_requests")).toEqual([]);
  });

  test("keeps what cannot become a task, with its problem", async () => {
    const id = insert("no-such-type", {});
    await inbox().takeIn();
    const [row] = on.rows("SELECT id, problem FROM task_requests") as Array<{ id: string; problem: string }>;
    expect(row!.id).toBe(id);
    expect(JSON.parse(row!.problem)).toMatchObject({ code: "unknown_task_type" });
  });
});
