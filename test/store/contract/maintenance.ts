import { newId } from "../../../src/model/ids";
import type { Store } from "../../../src/store/store";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, fresh, newTask, oldId, PAST, rowOf } from "../support";

const keyOf = (task: { id: string }, endpoint = "lb-1") => ({ taskId: task.id, endpoint, job: "" });

export function upkeepContract(subject: () => Subject): void {
  const makeDue = (id: string) =>
    subject().sql("UPDATE task_responses SET due_at = ? WHERE task_id = ? AND due_at IS NOT NULL", [PAST, id]);

  describe("what is due", () => {
    it("comes after the publishing grace, oldest first, with what it takes to publish it", async () => {
      const { store } = subject();
      const task = await createdTask(store, { priority: 7, traceparent: "00-1-2-3", expiresMs: 60_000 });
      expect(await dueOf(store, task.id)).toEqual([]);
      await makeDue(task.id);
      expect(await dueOf(store, task.id)).toMatchObject([
        {
          ...keyOf(task),
          type: task.type,
          status: "expected",
          identifier: task.identifier,
          priority: 7,
          traceparent: "00-1-2-3",
          payloadBytes: task.payload.length,
          published: false,
          delayed: false,
          waitOver: false,
          expired: false,
          cancelling: false,
        },
      ]);
      const { nextClockMs } = (await dueOf(store, task.id))[0]!;
      expect(nextClockMs).toBeGreaterThan(0);
      expect(nextClockMs).toBeLessThanOrEqual(30_000);
      expect((await store.maintenance.due(1)).length).toBe(1);
    });

    it("says when the wait is over and when it has expired", async () => {
      const { store, sql } = subject();
      const task = await createdTask(store, { expiresMs: 1 });
      await makeDue(task.id);
      await sql("UPDATE tasks SET wait_until = ?, expires_at = ? WHERE id = ?", [PAST, PAST, task.id]);
      expect(await dueOf(store, task.id)).toMatchObject([{ waitOver: true, expired: true, nextClockMs: null }]);
    });

    it("rests once published, until the recheck or the end of the wait; a claim takes it away", async () => {
      const { store, sql } = subject();
      const task = await createdTask(store, { waitMs: 10_000, endpoints: ["lb-1", "lb-2"] });
      const keys = [keyOf(task), keyOf(task, "lb-2")];
      await store.maintenance.markPublished(keys, 3_600_000);
      await store.maintenance.markPublished(keys, 3_600_000);
      const found = (await store.tasks.find(task.type, task.id))!.task;
      expect(found.publishedAt).not.toBeNull();
      const dueAt = async () =>
        (await sql("SELECT due_at FROM task_responses WHERE task_id = ? ORDER BY endpoint", [task.id])).map(
          (row) => row.due_at,
        );
      const waitUntil = found.waitUntil.replace("T", " ").replace("Z", "");
      expect(await dueAt()).toEqual([waitUntil, waitUntil]);
      await makeDue(task.id);
      expect(await dueOf(store, task.id)).toMatchObject([{ published: true }, { published: true }]);
      await claimed(store, task.id);
      expect((await dueOf(store, task.id)).map((row) => row.endpoint)).toEqual(["lb-2"]);
    });

    it("does not take a late confirm for the publishing of the next attempt", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      await store.managers.finish([endOf(await claimed(store, task.id), { status: "retrying", retryInMs: 0 })]);
      await store.maintenance.markPublished([{ ...keyOf(task), attempt: 0 }], 60_000);
      await makeDue(task.id);
      expect(await dueOf(store, task.id)).toMatchObject([{ published: false, attempt: 1 }]);
    });

    it("is published again, and at once, when the broker has lost its queues; what runs or is over is left alone", async () => {
      const { store } = subject();
      const [waits, runs] = [await createdTask(store), await createdTask(store)];
      await store.maintenance.markPublished([keyOf(waits), keyOf(runs)], 3_600_000);
      await claimed(store, runs.id);
      await store.maintenance.markUnpublished();
      expect(await dueOf(store, waits.id)).toMatchObject([{ published: false, status: "expected" }]);
      expect(await dueOf(store, runs.id)).toEqual([]);
    });

    it("is published again with all others, however many there are", async () => {
      const { store } = subject();
      const type = fresh("many");
      const endpoints = Array.from({ length: 100 }, (_, i) => `lb-${i}`);
      const tasks = Array.from({ length: 21 }, () => newTask({ type, endpoints }));
      await store.tasks.create(tasks);
      const keys = tasks.flatMap(({ id }) => endpoints.map((endpoint) => ({ taskId: id, endpoint, job: "" })));
      await store.maintenance.markPublished(keys, 3_600_000);
      expect(await dueOf(store, tasks[0]!.id)).toEqual([]);
      await store.maintenance.markUnpublished();
      const due = (await store.maintenance.due(10_000)).filter((row) => row.type === type);
      expect(due.filter(({ published }) => !published)).toHaveLength(2100);
    });

    it("is postponed only in the version that was seen", async () => {
      const { store } = subject();
      const [seen, changed] = [await createdTask(store), await createdTask(store)];
      await makeDue(seen.id);
      await makeDue(changed.id);
      const rows = [...(await dueOf(store, seen.id)), ...(await dueOf(store, changed.id))];
      await store.managers.received("lb-1", [{ taskId: changed.id, job: "" }]);
      await store.maintenance.postpone(rows.map((row, i) => ({ ...row, ms: 60_000 + 1000 * i })));
      expect(await dueOf(store, seen.id)).toEqual([]);
      expect(await dueOf(store, changed.id)).toHaveLength(1);
    });

    it("marks missed what nobody received, and withdraws what was told to cancel", async () => {
      const { store, sql } = subject();
      const [expected, running, told] = [await createdTask(store), await createdTask(store), await createdTask(store)];
      await claimed(store, running.id);
      await sql("UPDATE task_responses SET cancel_at = ? WHERE task_id = ?", [PAST, told.id]);
      const seen = await Promise.all([expected, running, told].map((task) => rowOf(store, task)));
      for (const _ of [1, 2]) {
        await store.maintenance.markMissed(seen);
        await store.maintenance.withdraw(seen);
      }
      expect(await rowOf(store, expected)).toMatchObject({
        status: "missed",
        reason: "expired",
        finishedAt: expect.any(String),
      });
      expect((await rowOf(store, running)).status).toBe("running");
      expect((await rowOf(store, told)).status).toBe("cancelled");
    });
  });

  describe("what is under way", () => {
    it("is due at once when its manager tells of it, under its lease only", async () => {
      const { store } = subject();
      const [told, untold, ended] = [await createdTask(store), await createdTask(store), await createdTask(store)];
      const grants = [await claimed(store, told.id), await claimed(store, untold.id), await claimed(store, ended.id)];
      await store.managers.finish([endOf(grants[2]!)]);
      await store.managers.underWay([grants[0]!, { ...grants[1]!, leaseId: newId() }, grants[2]!]);
      expect(await dueOf(store, told.id)).toMatchObject([{ status: "running", lost: false, overdue: false }]);
      expect(await dueOf(store, untold.id)).toEqual([]);
      expect(await dueOf(store, ended.id)).toEqual([]);
    });
  });

  describe("seeing what is not settled", () => {
    it("names what has open responses and time, and nothing else", async () => {
      const { store, sql } = subject();
      const [waits, late, runs, ended] = [
        await createdTask(store),
        await createdTask(store),
        await createdTask(store),
        await createdTask(store),
      ];
      await claimed(store, runs.id);
      await store.managers.finish([endOf(await claimed(store, ended.id))]);
      for (const task of [late, runs]) await sql("UPDATE tasks SET wait_until = ? WHERE id = ?", [PAST, task.id]);
      const ids = [waits, late, runs, ended].map(({ id }) => id);
      expect((await store.tasks.unsettled([...ids, newId()])).sort()).toEqual([waits.id, runs.id].sort());
    });
  });

  describe("the key of messages", () => {
    it("is made once, and managers read the same", async () => {
      const { store, other } = subject();
      const [one, two] = await Promise.all([store.tasks.messageKey(), other.tasks.messageKey()]);
      expect(one).toMatch(/^[0-9a-f]{64}$/);
      expect([two, await other.managers.messageKey()]).toEqual([one, one]);
    });
  });

  describe("settling", () => {
    it("stores what completeness computes and takes final rows off the list that another program has left there", async () => {
      const { store, sql } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
      await store.managers.finish([endOf(await claimed(store, task.id))]);
      await sql("UPDATE task_responses SET due_at = ? WHERE task_id = ? AND status = 'succeeded'", [PAST, task.id]);
      expect(await dueOf(store, task.id)).toEqual([]);
      await sql("UPDATE task_responses SET finished_at = NULL WHERE task_id = ? AND status = 'succeeded'", [task.id]);
      expect((await dueOf(store, task.id)).map((row) => row.status)).toEqual(["succeeded"]);
      await store.maintenance.storeStatus([task.id]);
      expect(await dueOf(store, task.id)).toEqual([]);
      expect((await store.tasks.find(task.type, task.id))!.task).toMatchObject({ status: "running", finishedAt: null });
      await store.managers.finish([
        endOf(await claimed(store, task.id, { endpoint: "lb-2" }), { status: "failed", reason: "error" }),
      ]);
      await store.maintenance.storeStatus([task.id, task.id, newId()]);
      const found = (await store.tasks.find(task.type, task.id))!;
      expect(found.task).toMatchObject({ status: "failed", finishedAt: found.responses[1]!.finishedAt });
      await store.maintenance.storeStatus([task.id]);
      expect((await store.tasks.find(task.type, task.id))!.task.version).toBe(found.task.version);
    });

    it("settles many tasks with one call, each by its own rows", async () => {
      const { store, sql } = subject();
      const [ok, bad, late, waiting] = [
        await createdTask(store),
        await createdTask(store),
        await createdTask(store),
        await createdTask(store),
      ];
      await store.managers.finish([
        endOf(await claimed(store, ok.id)),
        endOf(await claimed(store, bad.id), { status: "failed", reason: "error" }),
      ]);
      await sql("UPDATE tasks SET wait_until = ? WHERE id = ?", [PAST, late.id]);
      await store.maintenance.storeStatus([ok, bad, late, waiting].map(({ id }) => id));
      const states = await store.tasks.states([ok, bad, late, waiting].map(({ id }) => id));
      expect(states.map((state) => state.task.status)).toEqual(["succeeded", "failed", "incomplete", "pending"]);
    });

    it("does not overlook a response that ends meanwhile", async () => {
      const { store, other } = subject();
      const endpoints = Array.from({ length: 12 }, (_, i) => `node-${i}`);
      const task = await createdTask(store, { endpoints });
      const grants = await Promise.all(endpoints.map((endpoint) => claimed(store, task.id, { endpoint })));
      await Promise.all(
        grants.flatMap((grant) => [store.managers.finish([endOf(grant)]), other.maintenance.storeStatus([task.id])]),
      );
      const left = await dueOf(store, task.id);
      if (left.length > 0) await store.maintenance.storeStatus([task.id]);
      expect((await store.tasks.find(task.type, task.id))!.task.status).toBe("succeeded");
      expect(await dueOf(store, task.id)).toEqual([]);
    });
  });

  describe("the lock", () => {
    const lock = (store: Store, name: string, holder: string, position: string | null = null) =>
      store.maintenance.lock(name, holder, 60_000, position);

    it("is held by one, renewed by its holder, free when released or run out", async () => {
      const { store, other, sql } = subject();
      const name = fresh("lock");
      const first = await Promise.all([lock(store, name, "a"), lock(other, name, "b")]);
      expect(first.filter((held) => held !== null)).toEqual([{ position: null }]);
      const [holder, rival] = first[0] ? ["a", "b"] : ["b", "a"];
      expect(await lock(store, name, holder!)).not.toBeNull();
      await store.maintenance.unlock(name, rival!);
      expect(await lock(store, name, rival!)).toBeNull();
      await sql("UPDATE locks SET expires_at = ? WHERE name = ?", [PAST, name]);
      expect(await lock(store, name, rival!)).not.toBeNull();
      await store.maintenance.unlock(name, rival!);
      expect(await lock(store, name, holder!)).not.toBeNull();
    });

    it("keeps the position that its holder has come to, for the next one", async () => {
      const { store, sql } = subject();
      const name = fresh("lock");
      expect(await lock(store, name, "a")).toEqual({ position: null });
      expect(await lock(store, name, "a", "here")).toEqual({ position: "here" });
      expect(await lock(store, name, "b", "elsewhere")).toBeNull();
      await store.maintenance.unlock(name, "a");
      expect(await lock(store, name, "b")).toEqual({ position: "here" });
      await lock(store, name, "b", "there");
      await sql("UPDATE locks SET expires_at = ? WHERE name = ?", [PAST, name]);
      expect(await lock(store, name, "c")).toEqual({ position: "there" });
    });
  });

  describe("the inbox", () => {
    it("hands on what another program inserted with its own transaction, and keeps what is refused", async () => {
      const { store, sql } = subject();
      const [plain, mine] = [newId(), newId()];
      await sql("INSERT INTO task_requests (id, type, identifier, body) VALUES (?, 'app-update', ?, ?)", [
        plain,
        "it's 1",
        '{"payload":{}}',
      ]);
      await sql("INSERT INTO task_requests (id, type, identifier) VALUES (?, 'no such type', 'x')", ["my-own-id"]);
      const row = {
        id: mine,
        type: "app-update",
        identifier: "2\0😀",
        body: '{"payload":{"a":1}}',
      };
      await store.managers.request(row);
      await store.managers.request(row);
      const requests = await store.maintenance.requests(1000);
      // Whose account it was is the database's word, where it knows accounts.
      const account = store.kind === "sqlite" ? null : expect.stringMatching(/^.+@.+$/);
      expect(requests.filter(({ id }) => id === mine)).toMatchObject([{ ...row, createdBy: null, account }]);
      expect(requests.find(({ id }) => id === plain)).toEqual({
        id: plain,
        type: "app-update",
        identifier: "it's 1",
        body: '{"payload":{}}',
        createdBy: null,
        account,
        manager: null,
      });
      expect(requests.find(({ id }) => id === "my-own-id")).toMatchObject({ body: "{}" });
      await store.maintenance.refuseRequest("my-own-id", "There is no such type.");
      await store.maintenance.deleteRequests([plain, mine]);
      const left = (await store.maintenance.requests(1000)).map(({ id }) => id);
      expect([plain, mine, "my-own-id"].filter((id) => left.includes(id))).toEqual([]);
      expect(await sql("SELECT problem FROM task_requests WHERE id = 'my-own-id'")).toEqual([
        { problem: "There is no such type." },
      ]);
    });
  });

  describe("retention", () => {
    it("deletes finished tasks of the type that are old enough, with all that belongs to them", async () => {
      const { store, sql } = subject();
      const type = fresh("type");
      const old = Array.from({ length: 5 }, () => newTask({ type, id: oldId() }));
      const open = newTask({ type, id: oldId() });
      const young = newTask({ type });
      await store.tasks.create([...old, open, young]);
      for (const task of [...old, young]) {
        const grant = await claimed(store, task.id);
        await store.managers.log([{ ...keyOf(task), attempt: 1, text: "line" }]);
        await store.managers.finish([endOf(grant, { status: "received" })]);
        await store.managers.finish([endOf(await claimed(store, task.id))]);
      }
      await store.maintenance.storeStatus([...old, young].map(({ id }) => id));
      for (const { id } of old) await sql("UPDATE tasks SET finished_at = ? WHERE id = ?", [PAST, id]);
      expect(await store.maintenance.purge(fresh("type"), 0, 100)).toBe(0);
      expect(await store.maintenance.purge(type, 60_000, 2)).toBe(2);
      expect(await store.maintenance.purge(type, 60_000, 100)).toBe(3);
      expect(await store.maintenance.purge(type, 60_000, 100)).toBe(0);
      expect((await store.tasks.list({ type, limit: 100 })).map(({ id }) => id).sort()).toEqual(
        [open.id, young.id].sort(),
      );
      for (const table of ["task_responses", "task_attempts", "response_logs"]) {
        const ids = (await sql(`SELECT DISTINCT task_id FROM ${table}`)).map((row) => row.task_id);
        expect(old.filter(({ id }) => ids.includes(id))).toEqual([]);
        expect(table === "task_responses" || ids.includes(young.id)).toBe(true);
      }
    });
  });

  describe("the backlog", () => {
    it("counts what is stored and not confirmed, and how long the oldest has waited", async () => {
      const { store, sql } = subject();
      await sql("UPDATE task_responses SET due_at = NULL");
      expect(await store.maintenance.backlog()).toEqual({ unpublished: 0, oldestUnpublishedMs: 0, oldestWaitingMs: 0 });
      const [one, two] = [await createdTask(store), await createdTask(store)];
      await createdTask(store, { delayUntil: "2999-01-01T00:00:00Z" });
      await store.maintenance.markPublished([keyOf(two)], 60_000);
      await sql("UPDATE task_responses SET changed_at = ? WHERE task_id = ?", [PAST, one.id]);
      await sql("UPDATE tasks SET created_at = ? WHERE id = ?", [PAST, two.id]);
      const { unpublished, oldestUnpublishedMs, oldestWaitingMs } = await store.maintenance.backlog();
      expect(unpublished).toBe(1);
      expect(Math.min(oldestUnpublishedMs, oldestWaitingMs)).toBeGreaterThan(20 * 365 * 24 * 3_600_000);
    });
  });
}
