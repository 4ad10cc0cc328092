import { newId } from "../../../src/model/ids";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endedOf, endOf, feedPosition, fresh, newTask, oldId, rowOf } from "../support";

export function endedContract(subject: () => Subject): void {
  describe("what has ended", () => {
    const endedTask = async (status: "succeeded" | "failed" = "succeeded") => {
      const { store } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
      for (const endpoint of task.endpoints)
        await store.managers.finish([endOf(await claimed(store, task.id, { endpoint }), { status })]);
      return task;
    };

    it("is found once in the feed, in its order, page by page, and nothing that is open", async () => {
      const { store } = subject();
      const start = await feedPosition(store);
      const open = await createdTask(store);
      await claimed(store, open.id);
      const tasks = [await endedTask(), await endedTask("failed")];
      const withdrawn = await createdTask(store);
      await store.tasks.cancel(withdrawn.id);
      const ids = [...tasks, withdrawn, open].map(({ id }) => id);
      const all = await endedOf(store, start, ids, 5);
      expect(all.map(({ taskId, status }) => `${ids.indexOf(taskId)} ${status}`)).toEqual([
        ...["0 succeeded", "0 succeeded", "1 failed", "1 failed", "2 cancelled"],
      ]);
      const paged: string[] = [];
      for (let at = start, more = true; more; ) {
        const page = await store.maintenance.ended(at, 2);
        expect(page.responses.length).toBeLessThanOrEqual(2);
        paged.push(...page.responses.map(({ taskId }) => taskId).filter((id) => ids.includes(id)));
        ({ position: at, more } = page);
      }
      expect(paged).toEqual(all.map(({ taskId }) => taskId));
    });

    it("is found after a long time away, in strides", async () => {
      const { store, sql } = subject();
      const task = await endedTask();
      await endedOf(store, await feedPosition(store), [], 0);
      const ago = (ms: number) => new Date(Date.now() - ms).toISOString().replace("T", " ").replace("Z", "");
      await sql("UPDATE task_responses SET finished_at = ? WHERE task_id = ?", [ago(600_000), task.id]);
      const position = `${ago(900_000)}|||`;
      const first = await store.maintenance.ended(position, 500);
      expect({ more: first.more, ids: first.responses.map(({ taskId }) => taskId) }).toEqual({ more: true, ids: [] });
      expect(await endedOf(store, position, [task.id], 2)).toHaveLength(2);
    });

    it("leaves nothing to be looked at", async () => {
      const { store } = subject();
      const [ended, cancelled, missed] = [await endedTask(), await createdTask(store), await createdTask(store)];
      await store.tasks.cancel(cancelled.id);
      await store.maintenance.markMissed([await rowOf(store, missed)]);
      for (const { id } of [ended, cancelled, missed]) {
        const rows = await subject().sql("SELECT due_at FROM task_responses WHERE task_id = ?", [id]);
        expect(rows.map((row) => row.due_at).filter((due) => due !== null)).toEqual([]);
      }
    });

    it("leaves nothing to be looked at and needs its lease, whether it is reported alone or with others", async () => {
      const { store, sql } = subject();
      for (const count of [1, 3]) {
        const tasks = await Promise.all(Array.from({ length: count + 1 }, () => createdTask(store)));
        const grants = [];
        for (const { id } of tasks) grants.push(await claimed(store, id));
        const forged = { ...endOf(grants.pop()!), leaseId: newId() };
        expect((await store.managers.finish(grants.map((grant) => endOf(grant)))).map(({ kind }) => kind)).toEqual(
          grants.map(() => "recorded"),
        );
        const together = count === 1 ? [forged] : [...grants.map((grant) => endOf(grant)), forged];
        expect((await store.managers.finish(together)).at(-1)).toEqual({ kind: "superseded" });
        const rows = [];
        for (const { id } of tasks)
          rows.push(...(await sql("SELECT status, due_at FROM task_responses WHERE task_id = ?", [id])));
        expect(rows.map(({ status, due_at }) => `${status} ${due_at !== null}`)).toEqual([
          ...grants.map(() => "succeeded false"),
          "running true",
        ]);
      }
    });

    it("ends its tasks as settling would, where all their responses are known", async () => {
      const { store } = subject();
      const start = await feedPosition(store);
      const [good, bad] = [await endedTask(), await endedTask("failed")];
      const told: string[] = [];
      store.maintenance.onCompleted(({ tasks, responses }) => {
        told.push(...tasks.map(({ id, status }) => `${id} ${status}`));
        told.push(...responses.map(({ type, endpoint, status }) => `${type} ${endpoint} ${status}`));
      });
      await store.maintenance.completeTasks(await endedOf(store, start, [good.id, bad.id], 4));
      for (const [task, status] of [
        [good, "succeeded"],
        [bad, "failed"],
      ] as const) {
        const found = (await store.tasks.find(task.type, task.id))!;
        const [first, last] = found.responses.map((row) => row.finishedAt).sort();
        expect(found.task).toMatchObject({ status, finishedAt: last, publishedAt: expect.any(String) });
        expect(first! <= last!).toBe(true);
        for (const endpoint of task.endpoints) expect(told).toContain(`${task.type} ${endpoint} ${status}`);
        expect(told.filter((one) => one.startsWith(task.id))).toEqual([`${task.id} ${status}`]);
        await store.maintenance.storeStatus([task.id]);
        expect((await store.tasks.find(task.type, task.id))!.task.version).toBe(found.task.version);
      }
    });

    it.each(["completeTasks", "storeStatus"] as const)(
      "counts a task as published when it was created, unless its first receipt came long after: %s",
      async (way) => {
        const { store, sql } = subject();
        const start = await feedPosition(store);
        const [quick, slow, delayed, withdrawn] = [
          ...[await endedTask(), await endedTask(), await endedTask()],
          await createdTask(store),
        ] as const;
        await store.tasks.cancel(withdrawn.id);
        const ago = (seconds: number) =>
          new Date(Date.now() - seconds * 1000).toISOString().replace("T", " ").slice(0, 23);
        await sql("UPDATE tasks SET created_at = ? WHERE id = ?", [ago(60), slow.id]);
        await sql("UPDATE tasks SET created_at = ? WHERE id = ?", [ago(3600), delayed.id]);
        const ids = [quick.id, slow.id, delayed.id, withdrawn.id];
        if (way === "storeStatus") await store.maintenance.storeStatus(ids);
        else await store.maintenance.completeTasks(await endedOf(store, start, ids, 7));
        const foundOf = async ({ type, id }: { type: string; id: string }) => (await store.tasks.find(type, id))!;
        const { task } = await foundOf(quick);
        expect(task.publishedAt).toBe(task.createdAt);
        for (const found of [await foundOf(slow), await foundOf(delayed)]) {
          expect(found.task.publishedAt).toBe(found.responses.map((row) => row.receivedAt).sort()[0]);
          expect(found.task.publishedAt).not.toBe(found.task.createdAt);
        }
        expect((await foundOf(withdrawn)).task).toMatchObject({ status: "cancelled", publishedAt: null });
      },
    );

    it("ends a task whose last response comes alone, and stores one with others under way as running", async () => {
      const { store } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"] });
      const statusOf = async () => (await store.tasks.find(task.type, task.id))!.task.status;
      for (const [endpoint, status] of [
        ["lb-1", "running"],
        ["lb-2", "succeeded"],
      ] as const) {
        const position = await feedPosition(store);
        await store.managers.finish([endOf(await claimed(store, task.id, { endpoint }))]);
        const ended = await endedOf(store, position, [task.id], 1);
        await store.maintenance.completeTasks(ended.filter((row) => row.endpoint === endpoint));
        expect(await statusOf()).toBe(status);
      }
    });

    it("looks closer when a task has been opened again since it was read", async () => {
      const { store } = subject();
      const start = await feedPosition(store);
      const [opened, neighbour] = [await endedTask(), await endedTask()];
      const seen = await endedOf(store, start, [opened.id, neighbour.id], 4);
      await store.tasks.retry(opened.id, { endpoints: ["lb-1"] }, { waitMs: 60_000, expiresMs: null });
      const told: string[] = [];
      store.maintenance.onCompleted(({ tasks }) => told.push(...tasks.map(({ id }) => id)));
      await store.maintenance.completeTasks(seen);
      expect(told).toEqual([neighbour.id]);
      expect((await store.tasks.find(opened.type, opened.id))!.task).toMatchObject({ finishedAt: null });
      expect((await dueOf(store, opened.id)).map((row) => row.status)).toEqual(["expected"]);
      expect((await store.tasks.find(neighbour.type, neighbour.id))!.task.status).toBe("succeeded");
    });

    it("frees the run key", async () => {
      const { store } = subject();
      const start = await feedPosition(store);
      const runKey = fresh("run");
      const task = await createdTask(store, { runKey });
      await store.managers.finish([endOf(await claimed(store, task.id))]);
      await store.maintenance.completeTasks(await endedOf(store, start, [task.id], 1));
      await createdTask(store, { runKey });
    });

    it("is found among the open tasks where the feed has passed it over", async () => {
      const { store } = subject();
      const type = fresh("type");
      const tasks = Array.from({ length: 5 }, () => newTask({ type, id: oldId() }));
      const young = newTask({ type });
      await store.tasks.create([...tasks, young]);
      const ended = [tasks[1]!, tasks[4]!, young];
      for (const task of ended) await store.managers.finish([endOf(await claimed(store, task.id))]);
      const found: string[] = [];
      const pages: number[] = [];
      for (let after: string | null = ""; after !== null; ) {
        const page: { taskIds: string[]; next: string | null } = await store.maintenance.missedCompletions(
          { type, status: "pending", after },
          2,
        );
        pages.push(page.taskIds.length);
        found.push(...page.taskIds);
        after = page.next;
      }
      expect(found).toEqual([tasks[1]!.id, tasks[4]!.id]);
      expect(pages).toEqual([1, 0, 1]);
      await store.maintenance.storeStatus(found);
      expect(await store.maintenance.missedCompletions({ type, status: "pending", after: "" }, 100)).toEqual({
        taskIds: [],
        next: null,
      });
    });
  });
}
