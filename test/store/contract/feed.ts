import type { ResponseChange } from "../../../src/store/store";
import { until } from "../../support/until";
import type { Subject } from "../contract";
import { claimed, createdTask, endOf, fresh } from "../support";

export function feedContract(subject: () => Subject): void {
  describe("the feed of changes", () => {
    /** Reads on from the cursor until `enough`. */
    async function follow(
      cursor: string,
      enough: (seen: ResponseChange[]) => boolean,
      only?: { taskId?: string; type?: string },
      limit = 100,
    ) {
      const seen: ResponseChange[] = [];
      let at = cursor;
      await until("the changes", async () => {
        const page = await subject().store.tasks.changes(at, limit, only);
        at = page.cursor;
        seen.push(...page.changes);
        return enough(seen);
      });
      return { seen, cursor: at };
    }

    it("begins at its end, and brings every later change once, in order, resumable anywhere", async () => {
      const { store, other } = subject();
      const start = await store.tasks.changes(null, 10);
      expect(start.changes).toEqual([]);
      const type = fresh("type");
      const tasks = await Promise.all(
        Array.from({ length: 25 }, (_, i) => createdTask(i % 2 ? store : other, { type })),
      );
      const ids = new Set(tasks.map(({ id }) => id));
      for (const limit of [100, 3]) {
        const { seen } = await follow(start.cursor, (all) => all.length >= 25, { type }, limit);
        expect(seen).toHaveLength(25);
        expect(new Set(seen.map(({ taskId }) => taskId))).toEqual(ids);
        expect([...seen].sort((a, b) => (a.changedAt < b.changedAt ? -1 : a.changedAt > b.changedAt ? 1 : 0))).toEqual(
          seen,
        );
        const half = await follow(seen[11]!.cursor, (all) => all.length >= 13, { type }, limit);
        expect(half.seen).toEqual(seen.slice(12));
      }
    });

    it("shows a response as it is after its changes, and can follow one task", async () => {
      const { store } = subject();
      const [task, beside] = [await createdTask(store), await createdTask(store)];
      const { cursor } = await follow((await store.tasks.changes(null, 1)).cursor, () => true);
      const grant = await claimed(store, task.id);
      await claimed(store, beside.id);
      await store.managers.finish([endOf(grant)]);
      const { seen } = await follow(cursor, (all) => all.some(({ status }) => status === "succeeded"), {
        taskId: task.id,
      });
      expect(seen.every(({ taskId }) => taskId === task.id)).toBe(true);
      expect(seen.at(-1)).toMatchObject({
        status: "succeeded",
        attempt: 1,
        attempts: 3,
        performer: "lb-1",
        progress: 1,
        version: 3,
      });
    });

    it("starts anew for a cursor that is none", async () => {
      const { store } = subject();
      expect((await store.tasks.changes("' OR 1=1", 10)).changes).toEqual([]);
      const { cursor } = await store.tasks.changes(null, 10);
      expect((await store.tasks.changes(cursor, 10, { taskId: "é" })).changes).toEqual([]);
    });
  });
}
