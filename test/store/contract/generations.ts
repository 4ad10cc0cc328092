import { newId } from "../../../src/model/ids";
import type { AttemptEnd, Store } from "../../../src/store/store";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, fresh, living, lostOf, newTask, oldId, PAST, rowOf } from "../support";

const WAIT = { waitMs: 30_000, expiresMs: null };

/** An end of the first generation that brings its claim along. */
function lateEnd(taskId: string, more: Partial<AttemptEnd> = {}): AttemptEnd {
  return {
    ...{ taskId, endpoint: "lb-1", job: "", leaseId: newId(), generation: 1, attempt: 1 },
    ...{ status: "succeeded", reason: null, error: null, result: '"of the first"', resultText: null },
    claim: { managerId: newId(), performer: "lb-1", type: "app-update", ranMs: 10 },
    ...more,
  };
}

/** Cancels and opens anew what nobody has claimed. */
async function openedAnew(store: Store, count: number) {
  const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
  for (const { id } of tasks) {
    await store.tasks.cancel(id);
    expect(await store.tasks.retry(id, {}, WAIT)).toHaveLength(1);
  }
  return tasks;
}

export function generationContract(subject: () => Subject): void {
  // One is a prepared text, several are one UPDATE.
  describe.each([1, 3])("a response that has been opened anew, %d at once", (count) => {
    it("is not granted to a message of its former generation, and is to its own", async () => {
      const { store } = subject();
      const tasks = await openedAnew(store, count);
      const claims = (generation: number) => tasks.map(({ id, type }) => ({ taskId: id, job: "", type, generation }));
      expect(await store.managers.claim(await living(store), "lb-1", claims(1))).toMatchObject(
        tasks.map(() => ({ granted: false, why: "final" })),
      );
      for (const task of tasks) expect(await rowOf(store, task)).toMatchObject({ status: "expected", attempt: 0 });
      const both = await store.managers.claim(await living(store), "lb-1", [...claims(1), ...claims(2)]);
      expect(both).toMatchObject([
        ...tasks.map(() => ({ granted: false, why: "final" })),
        ...tasks.map(() => ({ granted: true, generation: 2, attempt: 1 })),
      ]);
    });

    it("is granted to a message that does not say its generation", async () => {
      const { store } = subject();
      const tasks = await openedAnew(store, count);
      const claims = tasks.map(({ id, type }) => ({ taskId: id, job: "", type }));
      expect(await store.managers.claim(await living(store), "lb-1", claims)).toMatchObject(
        tasks.map(() => ({ granted: true, generation: 2 })),
      );
    });

    it("does not end with what ran in its former generation without a claim", async () => {
      const { store } = subject();
      const tasks = await openedAnew(store, count);
      for (const kind of [{}, { status: "failed", reason: "error" }, { status: "retrying", retryInMs: 0 }] as const) {
        const before = await Promise.all(tasks.map((task) => rowOf(store, task)));
        expect(await store.managers.finish(tasks.map((task) => lateEnd(task.id, kind)))).toEqual(
          tasks.map(() => ({ kind: "superseded" })),
        );
        expect(await Promise.all(tasks.map((task) => rowOf(store, task)))).toEqual(before);
      }
      for (const { id } of tasks) {
        const kept = await store.tasks.attempts(id, "lb-1");
        expect(kept.filter(({ outcome }) => outcome === "superseded")).toMatchObject(
          Array(3).fill({ generation: 1, attempt: 1, result: '"of the first"' }),
        );
      }
    });

    it("is not claimed after the fact for what began in its former generation", async () => {
      const { store } = subject();
      const tasks = await openedAnew(store, count);
      const claims = tasks.map(({ id, type }) => {
        return { taskId: id, job: "", type, generation: 1, attempt: 1, leaseId: newId() };
      });
      expect(await store.managers.claim(await living(store), "lb-1", claims)).toMatchObject(
        tasks.map(() => ({ granted: false, why: "final" })),
      );
      for (const task of tasks) expect(await rowOf(store, task)).toMatchObject({ status: "expected", leaseId: null });
    });

    it("is not said to wait at the endpoint where its former generation does", async () => {
      const { store } = subject();
      const tasks = await openedAnew(store, count);
      await store.managers.received(
        "lb-1",
        tasks.map(({ id }) => ({ taskId: id, job: "", generation: 1 })),
      );
      for (const task of tasks)
        expect(await rowOf(store, task)).toMatchObject({ status: "expected", receivedAt: null });
      await store.managers.received(
        "lb-1",
        tasks.map(({ id }) => ({ taskId: id, job: "", generation: 2 })),
      );
      for (const task of tasks) expect(await rowOf(store, task)).toMatchObject({ status: "received" });
    });
  });

  describe("an attempt that began before its claim", () => {
    it("does not end as another attempt of its generation", async () => {
      const { store, other } = subject();
      const task = await createdTask(store);
      await other.managers.finish([endOf(await claimed(other, task.id), { status: "retrying", retryInMs: 0 })]);
      expect(await store.managers.finish([lateEnd(task.id)])).toEqual([{ kind: "superseded" }]);
      expect(await rowOf(store, task)).toMatchObject({ status: "retrying", attempt: 1 });
    });
  });

  describe("maintenance of what has been read before", () => {
    it("does not miss what has been opened anew since it was seen to have expired", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      const seen = await rowOf(store, task);
      expect(await store.tasks.retry(task.id, {}, WAIT)).toHaveLength(1);
      await store.maintenance.markMissed([seen]);
      expect(await rowOf(store, task)).toMatchObject({ status: "expected", generation: 2 });
      await store.maintenance.markMissed([await rowOf(store, task)]);
      expect(await rowOf(store, task)).toMatchObject({ status: "missed", generation: 2 });
    });

    it("does not withdraw what has been opened anew since it was seen to be cancelled", async () => {
      const { store, sql } = subject();
      const task = await createdTask(store);
      await sql("UPDATE task_responses SET cancel_at = ? WHERE task_id = ?", [PAST, task.id]);
      const seen = await rowOf(store, task);
      await store.tasks.retry(task.id, {}, WAIT);
      await sql("UPDATE task_responses SET cancel_at = ? WHERE task_id = ?", [PAST, task.id]);
      await store.maintenance.withdraw([seen]);
      expect(await rowOf(store, task)).toMatchObject({ status: "expected", generation: 2 });
    });

    it("does not end a lease whose attempt has said something since it was seen as lost", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      const lost = await lostOf(store, grant);
      await store.managers.progress([{ ...grant, progress: 0.5, message: null }]);
      expect(await store.maintenance.reclaim([lost])).toBe(0);
      expect(await rowOf(store, task)).toMatchObject({ status: "running", leaseId: grant.leaseId });
      expect(await store.maintenance.reclaim([await lostOf(store, grant)])).toBe(1);
    });

    it("keeps a generation that nobody received in the history of the next", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      await store.maintenance.markMissed([await rowOf(store, task)]);
      const { finishedAt } = await rowOf(store, task);
      await store.tasks.retry(task.id, { statuses: ["missed"] }, WAIT);
      expect(await store.tasks.attempts(task.id, "lb-1")).toMatchObject([
        { generation: 1, attempt: 0, outcome: "missed", reason: "expired", startedAt: null, finishedAt },
      ]);
    });

    it("deletes no task whose retry was accepted, though it was read as finished before", async () => {
      const { store, other, sql } = subject();
      const type = fresh("type");
      for (let round = 0; round < 10; round++) {
        const tasks = Array.from({ length: 20 }, () => newTask({ type, id: oldId() }));
        await store.tasks.create(tasks);
        await store.managers.finish(await Promise.all(tasks.map(async ({ id }) => endOf(await claimed(store, id)))));
        await store.maintenance.storeStatus(tasks.map(({ id }) => id));
        await sql("UPDATE tasks SET finished_at = ? WHERE type = ?", [PAST, type]);
        const [gone, ...opened] = await Promise.all([
          store.maintenance.purge(type, 60_000, 100),
          ...tasks.slice(0, 5).map(({ id }) => other.tasks.retry(id, {}, WAIT)),
        ]);
        const accepted = tasks.slice(0, 5).filter((_, i) => opened[i]!.length > 0);
        for (const { id } of accepted) {
          const found = await store.tasks.find(type, id);
          expect(found).toMatchObject({ task: { status: "pending" }, responses: [{ generation: 2 }] });
          expect(await dueOf(store, id)).toHaveLength(1);
        }
        expect(gone).toBe(tasks.length - accepted.length);
        for (const { id } of accepted) await store.tasks.cancel(id);
      }
    });
  });
}
