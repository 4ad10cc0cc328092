import { ANY_ENDPOINT } from "../../../src/model/names";
import type { NewTask } from "../../../src/model/task";
import { typeConfig } from "../../manager/support";
import { claimed, createdTask, dueOf, endOf, PAST, registration } from "../../store/support";
import { openParts, type Parts } from "../support";

const TYPES = [
  typeConfig("each", { endpoints: ["a", "b"] }),
  typeConfig("one", { deliver: "one", endpoints: ["a"] }),
  typeConfig("now-one", { deliver: "one", endpoints: ["a"] }),
];

let on: Parts;
beforeEach(async () => {
  on = await openParts(TYPES);
});
afterEach(() => on.close());

const stored = (more: Partial<NewTask> = {}) => createdTask(on.store, { type: "each", endpoints: ["a"], ...more });
const rowOf = async (task: NewTask) => (await on.store.tasks.find(task.type, task.id))!.responses[0]!;
const taskOf = async (task: NewTask) => (await on.store.tasks.find(task.type, task.id))!.task;
const work = (now = performance.now()) => on.due.work(now);
/** For how long it is left alone: up to 1, 30 or 60 seconds; 0: it is due. */
function restOf(task: NewTask): number | undefined {
  const [row] = on.rows("SELECT due_at FROM task_responses WHERE task_id = ?", task.id) as Array<{ due_at: string }>;
  const seconds = (Date.parse(`${row!.due_at.replace(" ", "T")}Z`) - Date.now()) / 1000;
  return [0, 1, 30, 60].find((most) => seconds <= most);
}

describe("what is stored and not published", () => {
  test("is published as it stands, noted at once, and rests until its recheck", async () => {
    const task = await stored({ payload: '{"n": 1.10}' });
    on.makeDue(task);
    expect(await work()).toBe(false);
    expect(on.transport.sent[0]!.body).toContain('"payload":{"n": 1.10}');
    expect(on.transport.taken()).toEqual([
      { address: { to: "endpoint", type: "each", endpoint: "a" }, ids: [task.id] },
    ]);
    expect((await taskOf(task)).publishedAt).not.toBeNull();
    expect(await dueOf(on.store, task.id)).toEqual([]);
    expect(restOf(task)).toBe(30);
  });

  test("goes to the shared queue of its priority when any endpoint performs it", async () => {
    const task = await stored({ type: "one", deliver: "one", endpoints: [ANY_ENDPOINT], priority: 9 });
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toMatchObject([{ address: { to: "one", type: "one" }, ids: [task.id] }]);
  });

  test("is delivered as it was stored, and whoever performs the type is told to serve that queue", async () => {
    await on.store.maintenance.configureTypes(on.leftovers.types());
    const task = await stored({ type: "now-one" });
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toMatchObject([{ address: { to: "endpoint", endpoint: "a" }, ids: [task.id] }]);
    const told = on.rows("SELECT open_deliver FROM endpoint_types WHERE type = 'now-one'");
    expect(told).toEqual([{ open_deliver: "each" }]);
  });

  test("of an endpoint that has not registered is not sent, and rests until the end of its wait", async () => {
    const task = await stored({ endpoints: ["nobody"], waitMs: 60_000 });
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toEqual([]);
    expect(restOf(task)).toBe(60);
  });

  test("is sent once its endpoint has registered", async () => {
    const task = await stored({ endpoints: ["late-comer"] });
    on.makeDue(task);
    await work();
    await on.store.managers.register(registration({ endpoint: "late-comer", types: ["each"] }));
    await on.store.maintenance.applyRegistrations();
    expect(await dueOf(on.store, task.id)).toHaveLength(1);
    await work();
    expect(on.transport.taken()).toMatchObject([{ address: { endpoint: "late-comer" }, ids: [task.id] }]);
  });

  test("of a type that the config does not have is not sent, and is due when the config has it again", async () => {
    await on.store.tasks.registerEndpoints("gone", ["a"]);
    const task = await stored({ type: "gone" });
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toEqual([]);
    expect(await dueOf(on.store, task.id)).toEqual([]);
    await on.store.maintenance.configureTypes([{ name: "gone", deliver: "each", keepMs: null }]);
    await on.store.maintenance.configureTypes([]);
    await on.store.maintenance.configureTypes([{ name: "gone", deliver: "each", keepMs: null }]);
    expect(await dueOf(on.store, task.id)).toHaveLength(1);
  });

  test("is left alone for a second while the broker is away, and published once it is back", async () => {
    const task = await stored();
    on.makeDue(task);
    on.transport.connected = false;
    await work();
    expect(await dueOf(on.store, task.id)).toEqual([]);
    expect(restOf(task)).toBe(1);
    on.transport.connected = true;
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toMatchObject([{ ids: [task.id] }]);
  });

  test("is tried again when the broker refuses it, and what the broker takes is published", async () => {
    on.transport.refuses = ({ address }) => address.to === "endpoint" && address.endpoint === "a";
    const [refused, taken] = [await stored(), await stored({ endpoints: ["b"] })];
    for (const task of [refused, taken]) on.makeDue(task);
    await work();
    expect(on.transport.taken()).toMatchObject([{ ids: [taken.id] }]);
    expect((await taskOf(refused)).publishedAt).toBeNull();
    expect(restOf(refused)).toBe(1);
  });

  test("comes in pages, and a full page means that there is more", async () => {
    const endpoints = Array.from({ length: 501 }, (_, i) => `node-${i}`);
    const task = await stored({ endpoints });
    on.makeDue(task);
    expect(await work()).toBe(true);
    expect(await work()).toBe(false);
  });
});

describe("what is published and not claimed", () => {
  async function published(more: Partial<NewTask> = {}) {
    const task = await stored(more);
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toHaveLength(1);
    on.makeDue(task);
    return task;
  }

  test("waits on while its queue holds messages", async () => {
    const task = await published();
    await work();
    expect(on.transport.taken()).toEqual([]);
    expect(restOf(task)).toBe(30);
  });

  test("is published again when its queue is empty: the broker has lost the message", async () => {
    const task = await published();
    const consumption = await on.transport.consume({
      address: { to: "endpoint", type: "each", endpoint: "a" },
      prefetch: 10,
      onDelivery: (delivery) => delivery.ack(),
    });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await consumption.stop();
    await work();
    expect(on.transport.taken()).toMatchObject([{ ids: [task.id] }]);
  });

  test("is published again when the embedded broker has lost its queues with the process", async () => {
    const task = await published();
    await on.store.maintenance.markUnpublished();
    await work();
    expect(on.transport.taken()).toMatchObject([{ ids: [task.id] }]);
  });

  test("is looked at again in a second when the broker is away", async () => {
    const task = await published();
    on.transport.connected = false;
    await work();
    expect(restOf(task)).toBe(1);
  });
});

describe("what is between attempts", () => {
  async function failedOnce(retryInMs: number) {
    const task = await stored();
    const grant = await claimed(on.store, task.id, { endpoint: "a" });
    await on.store.managers.finish([endOf(grant, { status: "retrying", retryInMs, reason: "error", result: null })]);
    return task;
  }

  test("is published for its next attempt once its time has come", async () => {
    const task = await failedOnce(0);
    await work();
    const { tasks } = JSON.parse(on.transport.sent[0]!.body);
    expect(tasks).toMatchObject([{ id: task.id, attempt: 1, attempts: 3 }]);
  });

  test("rests before that", async () => {
    const task = await failedOnce(60_000);
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toEqual([]);
    expect(await dueOf(on.store, task.id)).toEqual([]);
    expect(await on.statusOf(task)).toBe("retrying");
  });

  test("is withdrawn once it is cancelled", async () => {
    const task = await failedOnce(60_000);
    on.sql("UPDATE task_responses SET cancel_at = ? WHERE task_id = ?", PAST, task.id);
    on.makeDue(task);
    await work();
    expect(await rowOf(task)).toMatchObject({ status: "cancelled" });
    expect((await taskOf(task)).status).toBe("cancelled");
  });
});

describe("what nobody has received", () => {
  test("is missed past the life of its task, and the task has failed", async () => {
    const task = await stored({ expiresMs: 1 });
    on.sql("UPDATE tasks SET expires_at = ? WHERE id = ?", PAST, task.id);
    on.makeDue(task);
    await work();
    expect(await rowOf(task)).toMatchObject({ status: "missed", reason: "expired" });
    expect((await taskOf(task)).status).toBe("failed");
    expect(on.transport.taken()).toEqual([]);
  });

  test("makes its task incomplete past its wait", async () => {
    const task = await stored();
    on.sql("UPDATE tasks SET wait_until = ? WHERE id = ?", PAST, task.id);
    on.makeDue(task);
    await work();
    expect(await on.statusOf(task)).toBe("expected");
    expect((await taskOf(task)).status).toBe("incomplete");
  });

  test("is left alone until its delay is over", async () => {
    const task = await stored({ delayUntil: new Date(Date.now() + 60_000).toISOString() });
    on.makeDue(task);
    await work();
    expect(on.transport.taken()).toEqual([]);
    expect(restOf(task)).toBe(60);
  });
});

describe("what runs", () => {
  const dead = (managerId: string) => on.sql("UPDATE managers SET state = 'dead' WHERE id = ?", managerId);

  async function running(more: Partial<NewTask> = {}) {
    const task = await stored(more);
    const manager = registration({ endpoint: "a" });
    await on.store.managers.register(manager);
    const grant = await claimed(on.store, task.id, { endpoint: "a", manager: manager.id });
    on.makeDue(task);
    return { task, grant, manager };
  }

  test("is shown to be running by its task's stored status, and is not due again", async () => {
    const { task, grant } = await running();
    await on.store.managers.underWay([grant]);
    await work();
    expect((await taskOf(task)).status).toBe("running");
    expect(await dueOf(on.store, task.id)).toEqual([]);
  });

  test("is attempted again when its manager is dead", async () => {
    const { task, manager } = await running();
    dead(manager.id);
    await work();
    expect(await rowOf(task)).toMatchObject({ status: "retrying", attempt: 1 });
    const [attempt] = await on.store.tasks.attempts(task.id, "a");
    expect(attempt).toMatchObject({ outcome: "lost", reason: "crash" });
    expect(attempt!.error).toBe("The manager that ran it at a is gone (attempt 1 of 3).");
    await work();
    expect(on.transport.taken()).toMatchObject([{ ids: [task.id] }]);
  });

  test("is left alone while reports wait that may say its end, and after an end that they said", async () => {
    const { task, manager, grant } = await running();
    dead(manager.id);
    on.reports.allRecorded = async () => false;
    await work();
    expect([await on.statusOf(task), restOf(task)]).toEqual(["running", 1]);
    on.makeDue(task);
    on.reports.allRecorded = async () => {
      await on.store.managers.finish([endOf(grant)]);
      return true;
    };
    await work();
    expect(await rowOf(task)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  test("is not published while reports wait that may say its end", async () => {
    const task = await stored();
    on.makeDue(task);
    on.reports.allRecorded = async () => false;
    await work();
    expect(on.transport.taken()).toEqual([]);
    on.makeDue(task);
    on.reports.allRecorded = async () => true;
    await work();
    expect(on.transport.taken()).toMatchObject([{ ids: [task.id] }]);
  });

  test("has failed when no attempt is left", async () => {
    const { task, manager } = await running({ attempts: 1 });
    dead(manager.id);
    await work();
    expect(await rowOf(task)).toMatchObject({ status: "failed", reason: "crash" });
  });

  test("far beyond its timeout is left to its manager for a time to live, and reclaimed after it", async () => {
    const { task } = await running();
    const { ttlMs } = on.config.manager;
    const overdue = () => {
      on.sql("UPDATE task_responses SET timeout_at = ? WHERE task_id = ?", PAST, task.id);
      on.makeDue(task);
    };
    overdue();
    expect(await dueOf(on.store, task.id)).toMatchObject([{ overdue: true, lost: false }]);
    await work(1000);
    expect(await on.statusOf(task)).toBe("running");
    overdue();
    await work(1000 + ttlMs - 1);
    expect(await on.statusOf(task)).toBe("running");
    overdue();
    await work(1000 + ttlMs);
    expect(await on.statusOf(task)).toBe("retrying");
  });
});

describe("what another program has ended", () => {
  test("has its task's status stored", async () => {
    const task = await stored();
    on.sql("UPDATE task_responses SET status = 'succeeded', due_at = ? WHERE task_id = ?", PAST, task.id);
    await work();
    expect((await taskOf(task)).status).toBe("succeeded");
    expect(await dueOf(on.store, task.id)).toEqual([]);
  });
});
