import { newId } from "../../../src/model/ids";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, living, newTask, rowOf } from "../support";

const WAIT = { waitMs: 30_000, expiresMs: null };

export function operatorContract(subject: () => Subject): void {
  describe("cancelling", () => {
    it("withdraws what waits, tells what runs, leaves what is finished; again it changes nothing", async () => {
      const { store } = subject();
      const endpoints = ["lb-1", "lb-2", "lb-3", "lb-4", "lb-5"];
      const task = await createdTask(store, { endpoints });
      await store.managers.received("lb-2", [{ taskId: task.id, job: "" }]);
      await claimed(store, task.id, { endpoint: "lb-3" });
      await store.managers.finish([endOf(await claimed(store, task.id, { endpoint: "lb-4" }))]);
      await store.managers.finish([
        endOf(await claimed(store, task.id, { endpoint: "lb-5" }), { status: "retrying", retryInMs: 60_000 }),
      ]);
      const outcomes = (await store.tasks.cancel(task.id))!;
      expect(outcomes.map(({ endpoint, outcome, status }) => [endpoint, outcome, status])).toEqual([
        ["lb-1", "withdrawn", "cancelled"],
        ["lb-2", "withdrawn", "cancelled"],
        ["lb-3", "stopping", "running"],
        ["lb-4", "finished", "succeeded"],
        ["lb-5", "withdrawn", "cancelled"],
      ]);
      const found = (await store.tasks.find(task.type, task.id))!;
      expect(found.task.cancelAt).not.toBeNull();
      expect(found.responses.map((row) => row.status)).toEqual([
        "cancelled",
        "cancelled",
        "running",
        "succeeded",
        "cancelled",
      ]);
      expect(found.responses[2]!.cancelAt).not.toBeNull();
      expect((await store.tasks.cancel(task.id))!.map(({ outcome }) => outcome)).toEqual([
        "finished",
        "finished",
        "stopping",
        "finished",
        "finished",
      ]);
      expect((await store.tasks.find(task.type, task.id))!.responses).toEqual(found.responses);
    });

    it("is done at the named endpoints only, and leaves the others and the task's own mark as they are", async () => {
      const { store } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2", "lb-3", "lb-4"], jobs: ["a", "b"] });
      const held = await claimed(store, task.id, { endpoint: "lb-2", job: "a" });
      const done = await claimed(store, task.id, { endpoint: "lb-3", job: "a" });
      await store.managers.finish([endOf(done)]);
      const before = (await store.tasks.find(task.type, task.id))!;
      const outcomes = (await store.tasks.cancel(task.id, ["lb-1", "lb-2", "nobody"]))!;
      expect(outcomes.map(({ endpoint, job, outcome }) => [endpoint, job, outcome])).toEqual([
        ["lb-1", "a", "withdrawn"],
        ["lb-1", "b", "withdrawn"],
        ["lb-2", "a", "stopping"],
        ["lb-2", "b", "withdrawn"],
      ]);
      const after = (await store.tasks.find(task.type, task.id))!;
      expect(after.task).toMatchObject({ cancelAt: null, version: before.task.version + 1 });
      expect(after.responses.slice(4)).toEqual(before.responses.slice(4));
      expect(await store.managers.check([held])).toEqual(["cancel"]);
      expect((await store.tasks.cancel(task.id, ["lb-1"]))!.map(({ outcome }) => outcome)).toEqual([
        "finished",
        "finished",
      ]);

      const shared = await createdTask(store, { deliver: "one", endpoints: ["*"] });
      await claimed(store, shared.id, { endpoint: "lb-7" });
      expect(await store.tasks.cancel(shared.id, ["lb-8"])).toEqual([]);
      expect(await store.tasks.cancel(shared.id, ["lb-7"])).toMatchObject([{ endpoint: "*", outcome: "stopping" }]);
    });

    it("is decided against a claim that comes at the same moment", async () => {
      const { store, other } = subject();
      for (let i = 0; i < 10; i++) {
        const task = await createdTask(store);
        const manager = await living(store);
        const [outcomes, [answer]] = await Promise.all([
          store.tasks.cancel(task.id),
          other.managers.claim(manager, "lb-1", [{ taskId: task.id, job: "" }]),
        ]);
        const row = await rowOf(store, task);
        if (outcomes![0]!.outcome === "withdrawn") {
          expect([answer!.granted, row.status]).toEqual([false, "cancelled"]);
        } else {
          expect([answer!.granted, row.status, row.cancelAt !== null]).toEqual([true, "running", true]);
        }
      }
    });
  });

  describe("retrying by hand", () => {
    it("opens a new generation for what is final, keeping its history", async () => {
      const { store } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2", "lb-3"], attempts: 2 });
      const grant = await claimed(store, task.id);
      await store.managers.finish([endOf(grant, { status: "failed", reason: "error", error: "boom", result: '"r"' })]);
      await store.managers.finish([endOf(await claimed(store, task.id, { endpoint: "lb-2" }))]);
      await claimed(store, task.id, { endpoint: "lb-3" });
      await store.maintenance.storeStatus([task.id]);

      expect(
        await store.tasks.retry(task.id, { statuses: ["failed", "running"] }, { waitMs: 1000, expiresMs: 5000 }),
      ).toEqual([{ taskId: task.id, endpoint: "lb-1", job: "" }]);
      expect(await rowOf(store, task, "lb-1")).toMatchObject({
        status: "expected",
        generation: 2,
        attempt: 0,
        error: null,
        result: null,
        receivedAt: null,
        finishedAt: null,
        leaseId: null,
        performer: "lb-1",
      });
      expect(await store.tasks.attempts(task.id, "lb-1")).toMatchObject([
        { generation: 1, attempt: 1, outcome: "failed", error: "boom", result: '"r"', leaseId: grant.leaseId },
      ]);
      const found = (await store.tasks.find(task.type, task.id))!.task;
      expect(found).toMatchObject({ status: "running", finishedAt: null });
      expect(Date.parse(found.expiresAt!) - Date.parse(found.waitUntil)).toBe(4000);
      expect(await dueOf(store, task.id)).toEqual(
        expect.arrayContaining([expect.objectContaining({ endpoint: "lb-1", published: false })]),
      );
      const again = await claimed(store, task.id);
      expect(again).toMatchObject({ generation: 2, attempt: 1 });
      // What the first generation reports now is known already; what it never said is superseded.
      expect(await store.managers.finish([endOf(grant, { status: "failed" })])).toEqual([{ kind: "recorded" }]);
      expect(await store.managers.finish([endOf(grant)])).toEqual([{ kind: "superseded" }]);
      expect(await rowOf(store, task, "lb-1")).toMatchObject({ status: "running", leaseId: again.leaseId });
    });

    it("opens cancelled, missed and never-received ones, by endpoint or by status", async () => {
      const { store } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2", "lb-3"] });
      await store.maintenance.markMissed([await rowOf(store, task, "lb-2")]);
      const names = async (choose: Parameters<typeof store.tasks.retry>[1]) =>
        (await store.tasks.retry(task.id, choose, WAIT)).map(({ endpoint }) => endpoint);
      expect(await names({ endpoints: ["lb-2", "unknown"] })).toEqual(["lb-2"]);
      expect(await names({ statuses: ["missed"] })).toEqual([]);
      expect(await names({ statuses: ["expected"], endpoints: ["lb-1"] })).toEqual(["lb-1"]);
      await store.tasks.cancel(task.id);
      expect(await names({})).toEqual(["lb-1", "lb-2", "lb-3"]);
      expect((await store.tasks.find(task.type, task.id))!.task.cancelAt).toBeNull();
      expect((await claimed(store, task.id)).generation).toBe(3);
    });

    it("finds the response of a task for anybody by the name of its performer, and gives it to anybody again", async () => {
      const { store } = subject();
      const task = await createdTask(store, { deliver: "one", endpoints: ["*"] });
      await store.managers.finish([
        endOf(await claimed(store, task.id, { endpoint: "lb-9" }), { status: "failed", reason: "error" }),
      ]);
      expect(await store.tasks.retry(task.id, { endpoints: ["lb-8"] }, WAIT)).toEqual([]);
      expect(await store.tasks.retry(task.id, { endpoints: ["lb-9"] }, WAIT)).toHaveLength(1);
      expect(await rowOf(store, task)).toMatchObject({ performer: null, status: "expected" });
      expect(await store.tasks.attempts(task.id, "lb-9")).toMatchObject([{ outcome: "failed", performer: "lb-9" }]);
    });

    it("does not open a run while another one of its key is open", async () => {
      const { store } = subject();
      const runKey = newId();
      const first = newTask({ runKey });
      await store.tasks.create([first]);
      await store.managers.finish([endOf(await claimed(store, first.id), { status: "failed", reason: "error" })]);
      await store.maintenance.storeStatus([first.id]);
      await store.tasks.create([newTask({ runKey })]);
      await expect(store.tasks.retry(first.id, {}, WAIT)).rejects.toMatchObject({ code: "already_running" });
      expect(await rowOf(store, first)).toMatchObject({ status: "failed", generation: 1 });
      expect(await store.tasks.attempts(first.id, "lb-1")).toEqual([]);
    });
  });
}
