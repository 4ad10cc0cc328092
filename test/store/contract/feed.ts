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

    it("tells of changes and ends in one order, each once, wherever a page ends", async () => {
      const { store, sql } = subject();
      const [t0, t1, t2] = ["2020-01-01 00:00:00.000", "2020-01-01 00:00:00.001", "2020-01-01 00:00:00.002"];
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-10", "lb-2", "lb-3", "lb-4"] });
      const told = (endpoint: string, changed: string, finished: string | null) =>
        sql("UPDATE task_responses SET changed_at = ?, finished_at = ? WHERE task_id = ? AND endpoint = ?", [
          ...[changed, finished, task.id, endpoint],
        ]);
      await told("lb-1", t0, t1);
      await told("lb-10", t1, null);
      await told("lb-2", t1, t1);
      await told("lb-3", t2, t1);
      await told("lb-4", t0, t2);
      for (const limit of [1, 2, 100]) {
        const { seen } = await follow(`${t0}|||`, (all) => all.length >= 5, { taskId: task.id }, limit);
        expect(seen.map(({ endpoint, changedAt }) => `${endpoint} ${changedAt.slice(-4)}`)).toEqual([
          ...["lb-1 001Z", "lb-10 001Z", "lb-2 001Z", "lb-3 002Z", "lb-4 002Z"],
        ]);
      }
    });

    it("starts anew for a cursor that is none", async () => {
      const { store } = subject();
      expect((await store.tasks.changes("' OR 1=1", 10)).changes).toEqual([]);
      const { cursor } = await store.tasks.changes(null, 10);
      expect((await store.tasks.changes(cursor, 10, { taskId: "é" })).changes).toEqual([]);
    });
  });
}
