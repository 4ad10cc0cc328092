import { newId } from "../../../src/model/ids";
import type { AttemptEnd } from "../../../src/store/store";
import type { Subject } from "../contract";
import { claimed, createdTask, living, rowOf } from "../support";

/** An end that brings its claim along, of a task that has not been claimed. */
function lateEnd(taskId: string, more: Partial<AttemptEnd> = {}, ranMs = 1500): AttemptEnd {
  return {
    ...{ taskId, endpoint: "lb-1", job: "", leaseId: newId(), generation: 1, attempt: 1 },
    ...{ status: "succeeded", reason: null, error: null, result: '{"ok":true}', resultText: null },
    claim: { managerId: newId(), performer: "lb-1", type: "app-update", ranMs },
    ...more,
  };
}

const RECORDED = { kind: "recorded" };
const SUPERSEDED = { kind: "superseded" };

export function lateContract(subject: () => Subject): void {
  // One end is one prepared text, several are one UPDATE.
  describe.each([1, 4])("ends that bring their claims along, %d at once", (count) => {
    it("claim and end what nothing has happened to, and the same call again changes nothing", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      const claim = { managerId: newId(), performer: "lb-1", type: "app-update", ranMs: 1500 };
      const ends = tasks.map((task, i) => lateEnd(task.id, { claim: { ...claim, ranMs: 1500 + i }, result: `${i}` }));
      expect(await store.managers.finish(ends)).toEqual(Array(count).fill(RECORDED));
      const rows = [];
      for (const [i, task] of tasks.entries()) {
        const row = await rowOf(store, task);
        expect(row).toMatchObject({
          ...{ status: "succeeded", attempt: 1, performer: "lb-1", managerId: claim.managerId, progress: 1 },
          ...{ leaseId: ends[i]!.leaseId, result: `${i}`, reason: null, error: null, receivedAt: row.startedAt },
        });
        expect(Date.parse(row.finishedAt!) - Date.parse(row.startedAt!)).toBe(1500 + i);
        rows.push(row);
      }
      expect(await store.managers.finish(ends)).toEqual(Array(count).fill(RECORDED));
      for (const [i, task] of tasks.entries()) expect(await rowOf(store, task)).toEqual(rows[i]);
      expect(await store.tasks.attempts(tasks[0]!.id, "lb-1")).toEqual([]);
    });

    it("keep each its own lease and times where neighbours share theirs", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: 2 * count }, () => createdTask(store)));
      const leases = [newId(), newId()];
      const managerId = newId();
      // Of a kind are four of five and one of five, or one and one.
      const odd = (i: number) => (i % 5 === 1 ? 1 : 0);
      const ends = tasks.map(({ id }, i) => {
        const claim = { managerId, performer: "lb-1", type: "app-update", ranMs: 100 * (1 + odd(i)) };
        return lateEnd(id, { claim, leaseId: leases[odd(i)]! });
      });
      expect(await store.managers.finish(ends)).toEqual(ends.map(() => RECORDED));
      for (const [i, task] of tasks.entries()) {
        const { leaseId, startedAt, finishedAt } = await rowOf(store, task);
        expect([leaseId, Date.parse(finishedAt!) - Date.parse(startedAt!)]).toEqual([
          leases[odd(i)],
          100 * (1 + odd(i)),
        ]);
      }
    });

    it("keep a failure's reason", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      const failed = { status: "failed", reason: "exit_code", error: "it's broken", result: null } as const;
      expect(await store.managers.finish(tasks.map((task) => lateEnd(task.id, failed)))).toEqual(
        Array(count).fill(RECORDED),
      );
      for (const task of tasks) expect(await rowOf(store, task)).toMatchObject({ ...failed, attempt: 1, progress: 0 });
    });

    it("are recorded where the task was told to wait at the endpoint, keeping when that was", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      await store.managers.received("lb-1", [{ taskId: tasks[0]!.id, job: "" }]);
      const { receivedAt } = await rowOf(store, tasks[0]!);
      expect(await store.managers.finish(tasks.map((task) => lateEnd(task.id)))).toEqual(Array(count).fill(RECORDED));
      for (const task of tasks) expect(await rowOf(store, task)).toMatchObject({ status: "succeeded", attempt: 1 });
      expect(await rowOf(store, tasks[0]!)).toMatchObject({ receivedAt });
    });

    it("are superseded where somebody has cancelled, taken or finished it, and their neighbours are recorded", async () => {
      const { store, other } = subject();
      const [cancelled, held, done, ...good] = await Promise.all(
        Array.from({ length: 3 + count }, () => createdTask(store)),
      );
      await store.tasks.cancel(cancelled!.id);
      const lease = await claimed(other, held!.id);
      await store.managers.finish([lateEnd(done!.id, { result: '"first"' })]);
      const before = await Promise.all([cancelled!, held!, done!].map((task) => rowOf(store, task)));
      const late = [cancelled!, held!, done!].map((task) => lateEnd(task.id, { result: '"late"' }));
      if (count === 1) for (const end of late) expect(await store.managers.finish([end])).toEqual([SUPERSEDED]);
      else
        expect(await store.managers.finish([...late, ...good.map((task) => lateEnd(task.id))])).toEqual([
          ...Array(3).fill(SUPERSEDED),
          ...Array(count).fill(RECORDED),
        ]);
      expect(await Promise.all([cancelled!, held!, done!].map((task) => rowOf(store, task)))).toEqual(before);
      expect(before[1]).toMatchObject({ status: "running", leaseId: lease.leaseId });
      for (const task of [cancelled!, held!, done!])
        expect(await store.tasks.attempts(task.id, "lb-1")).toMatchObject([
          { outcome: "superseded", result: '"late"' },
        ]);
    });

    it("do nothing to a task of another type, of another endpoint, or whose time has not come", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      const delayUntil = new Date(Date.now() + 3600_000).toISOString();
      const delayed = await Promise.all(Array.from({ length: count }, () => createdTask(store, { delayUntil })));
      const claim = { managerId: newId(), performer: "lb-1", type: "other", ranMs: 1 };
      for (const ends of [
        tasks.map((task) => lateEnd(task.id, { claim })),
        tasks.map((task) =>
          lateEnd(task.id, { endpoint: "lb-9", claim: { ...claim, type: "app-update", performer: "lb-9" } }),
        ),
        delayed.map((task) => lateEnd(task.id)),
      ])
        expect(await store.managers.finish(ends)).toEqual(Array(count).fill(SUPERSEDED));
      for (const task of [...tasks, ...delayed])
        expect(await rowOf(store, task)).toMatchObject({ status: "expected", attempt: 0, leaseId: null });
    });

    it("that are to be tried again claim, count and record the attempt", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      const again = { status: "retrying", reason: "error", error: "once", result: null, retryInMs: 5000 } as const;
      const ends = tasks.map((task) => lateEnd(task.id, again));
      expect(await store.managers.finish(ends)).toEqual(Array(count).fill(RECORDED));
      expect(await store.managers.finish(ends)).toEqual(Array(count).fill(RECORDED));
      for (const task of tasks) {
        expect(await rowOf(store, task)).toMatchObject({ status: "retrying", attempt: 1, retryAt: expect.any(String) });
        expect(await store.tasks.attempts(task.id, "lb-1")).toMatchObject([{ outcome: "failed", attempt: 1 }]);
      }
    });

    it("follow a claim that was made under the same lease, though its answer was lost", async () => {
      const { store } = subject();
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      const ends = tasks.map((task) => lateEnd(task.id));
      const claims = ends.map(({ taskId, leaseId }) => ({ taskId, job: "", type: "app-update", leaseId }));
      const managerId = await living(store);
      for (let times = 1; times <= 2; times++) {
        const answers = await store.managers.claim(managerId, "lb-1", claims);
        expect(answers).toMatchObject(ends.map(({ leaseId }) => ({ granted: true, leaseId, attempt: 1 })));
      }
      expect(await store.managers.finish(ends)).toEqual(Array(count).fill(RECORDED));
      for (const task of tasks) expect(await rowOf(store, task)).toMatchObject({ status: "succeeded", attempt: 1 });
    });
  });
}
