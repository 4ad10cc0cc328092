import { IncarnationLost } from "../../../src/errors";
import { newId } from "../../../src/model/ids";
import type { NewTask } from "../../../src/model/task";
import type { ManagerRegistration, Store } from "../../../src/store/store";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, living, lostOf, PAST, registration, rowOf } from "../support";

/** How a manager stops being one, other than by never having been one. */
const ENDS: Array<[string, (store: Store, manager: ManagerRegistration) => Promise<unknown>]> = [
  ["declared dead", async (store, { id }) => store.maintenance.declareDead(await heartbeatsOf(store, id))],
  ["closed", (store, { id }) => store.managers.leave(id)],
  ["replaced", (store, { endpoint }) => store.managers.register(registration({ endpoint }))],
];

async function heartbeatsOf(store: Store, id: string) {
  return (await store.maintenance.heartbeats()).filter(({ managerId }) => managerId === id);
}

const knowing = (task: NewTask) => ({
  ...{ taskId: task.id, job: "", type: task.type, generation: 1 },
  known: {
    ...{ endpoint: "lb-1", version: 1, attempt: 0, attempts: 3, generation: 1, timeoutMs: 60_000 },
    ...{ identifier: task.identifier, payload: task.payload, traceparent: null },
  },
});
const asking = ({ id, type }: NewTask) => ({ taskId: id, job: "", type, generation: 1 });

export function incarnationContract(subject: () => Subject): void {
  describe.each(ENDS)("a manager that was %s", (_, end) => {
    // One is a prepared text, several are one UPDATE; what is not known is asked for.
    it.each([
      ["one that it knows", 1, knowing],
      ["several that it knows", 3, knowing],
      ["one that it does not know", 1, asking],
      ["several that it does not know", 3, asking],
    ] as const)("is granted nothing: %s", async (_name, count, claimOf) => {
      const { store } = subject();
      const manager = registration();
      await store.managers.register(manager);
      const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
      await end(store, manager);
      const claims = tasks.map(claimOf);
      await expect(store.managers.claim(manager.id, "lb-1", claims)).rejects.toThrow(IncarnationLost);
      for (const task of tasks)
        expect(await rowOf(store, task)).toMatchObject({ status: "expected", attempt: 0, leaseId: null, version: 1 });
      const heir = await living(store);
      expect(await store.managers.claim(heir, "lb-1", claims)).toMatchObject(tasks.map(() => ({ granted: true })));
    });

    it("is granted no attempt that has begun already, and what it has ended before anybody else began stands", async () => {
      const { store } = subject();
      const manager = registration();
      await store.managers.register(manager);
      const [begun, ended, waited] = [await createdTask(store), await createdTask(store), await createdTask(store)];
      await store.managers.received("lb-1", [asking(waited)]);
      await end(store, manager);
      const late = { ...asking(begun), leaseId: newId(), attempt: 1 };
      await expect(store.managers.claim(manager.id, "lb-1", [late])).rejects.toThrow(IncarnationLost);
      expect(await rowOf(store, begun)).toMatchObject({ status: "expected", leaseId: null });
      const claim = { managerId: manager.id, performer: "lb-1", type: ended.type, ranMs: 10 };
      for (const task of [ended, waited]) {
        const grant = { taskId: task.id, endpoint: "lb-1", job: "", leaseId: newId(), generation: 1, attempt: 1 };
        const done = { status: "succeeded", reason: null, error: null, result: null, resultText: null } as const;
        expect(await store.managers.finish([{ ...grant, ...done, claim }])).toEqual([{ kind: "recorded" }]);
        expect(await rowOf(store, task)).toMatchObject({ status: "succeeded", attempt: 1 });
      }
    });
  });

  describe("a manager that has never registered", () => {
    it("is granted nothing", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      await expect(store.managers.claim(newId(), "lb-1", [knowing(task)])).rejects.toThrow(IncarnationLost);
      await expect(store.managers.claim(newId(), "lb-1", [asking(task)])).rejects.toThrow(IncarnationLost);
    });
  });

  describe("a process that comes back under a new incarnation", () => {
    /** A manager that was declared dead with one attempt that nobody has ended, and one that was taken from it. */
    async function dead(attempts = 3) {
      const { store } = subject();
      const former = registration();
      await store.managers.register(former);
      const { endpoint } = former;
      const of = { endpoint, manager: former.id };
      const [runs, taken] = [
        await createdTask(store, { endpoints: [endpoint], attempts }),
        await createdTask(store, { endpoints: [endpoint], attempts }),
      ];
      const grants = [await claimed(store, runs.id, of), await claimed(store, taken.id, of)] as const;
      await store.maintenance.declareDead(await heartbeatsOf(store, former.id));
      const seen = await lostOf(store, grants[0]);
      await store.maintenance.reclaim([await lostOf(store, grants[1])]);
      const back = (cutOff = true) => registration({ endpoint, former: { id: former.id, cutOff } });
      return { store, former, runs, taken, grants, seen, back };
    }

    it("goes on with what runs under a lease that nobody has ended, whatever has been read of it before", async () => {
      const { store, runs, grants, seen, back } = await dead();
      const manager = back();
      await store.managers.register(manager);
      await store.managers.register(manager);
      expect(await store.maintenance.reclaim([seen])).toBe(0);
      expect(await dueOf(store, runs.id)).toMatchObject([{ managerId: manager.id, lost: false }]);
      expect(await store.managers.check(grants)).toEqual(["held", "lost"]);
      expect(await store.managers.finish([endOf(grants[0])])).toEqual([{ kind: "recorded" }]);
    });

    it("is not charged for what was taken from it while it was cut off, once", async () => {
      const { store, taken, back } = await dead();
      expect(await rowOf(store, taken)).toMatchObject({ status: "retrying", attempt: 1 });
      const manager = back();
      for (let i = 0; i < 2; i++) {
        await store.managers.register(manager);
        expect(await rowOf(store, taken)).toMatchObject({ status: "retrying", attempt: 0 });
      }
      const again = { endpoint: manager.endpoint, manager: manager.id };
      expect(await claimed(store, taken.id, again)).toMatchObject({ attempt: 1, attempts: 3 });
      expect(await store.tasks.attempts(taken.id, manager.endpoint)).toMatchObject([{ outcome: "lost", attempt: 1 }]);
    });

    it("is charged where it stood still by itself, or was replaced", async () => {
      const still = await dead();
      await still.store.managers.register(still.back(false));
      expect(await rowOf(still.store, still.taken)).toMatchObject({ attempt: 1 });
      const replaced = await dead();
      await subject().sql("UPDATE managers SET state = 'retired' WHERE id = ?", [replaced.former.id]);
      await replaced.store.managers.register(replaced.back());
      expect(await rowOf(replaced.store, replaced.taken)).toMatchObject({ attempt: 1 });
    });

    it("is not charged for more losses than the response has attempts", async () => {
      const { store, taken, back, former } = await dead(2);
      let manager = back();
      await store.managers.register(manager);
      for (const attempt of [0, 1]) {
        const { endpoint } = former;
        const grant = await claimed(store, taken.id, { endpoint, manager: manager.id });
        await store.maintenance.declareDead(await heartbeatsOf(store, manager.id));
        await store.maintenance.reclaim([await lostOf(store, grant)]);
        manager = registration({ endpoint, former: { id: manager.id, cutOff: true } });
        await store.managers.register(manager);
        expect(await rowOf(store, taken)).toMatchObject({ status: "retrying", attempt });
      }
    });

    it("leaves alone what somebody else has taken up meanwhile", async () => {
      const { store, taken, back } = await dead();
      const { endpoint } = back();
      const grant = await claimed(store, taken.id, { endpoint });
      await store.managers.register(back());
      expect(await rowOf(store, taken)).toMatchObject({ status: "running", attempt: 2, leaseId: grant.leaseId });
    });
  });

  describe("a step of the database's clock", () => {
    it("makes running attempts overdue, which their manager confirms: then they are not, and nobody ends them", async () => {
      const { store, sql } = subject();
      const manager = await living(store);
      const [task, other] = [await createdTask(store), await createdTask(store)];
      const grants = [await claimed(store, task.id, { manager }), await claimed(store, other.id, { manager })];
      expect(await store.managers.check(grants)).toEqual(["held", "held"]);
      await sql("UPDATE task_responses SET timeout_at = ?, due_at = ? WHERE task_id = ?", [PAST, PAST, task.id]);
      expect(await dueOf(store, task.id)).toMatchObject([{ lost: false, overdue: true }]);
      expect(await store.managers.check(grants)).toEqual(["overdue", "held"]);
      const seen = await lostOf(store, grants[0]!);
      await store.managers.confirm([
        { ...grants[0]!, leftMs: 50_000 },
        { ...grants[1]!, leaseId: newId(), leftMs: 1 },
      ]);
      expect(await store.managers.check(grants)).toEqual(["held", "held"]);
      expect(await dueOf(store, task.id)).toEqual([]);
      expect(await store.maintenance.reclaim([seen])).toBe(0);
      await sql("UPDATE task_responses SET due_at = ? WHERE task_id = ?", [PAST, task.id]);
      const { nextClockMs } = (await dueOf(store, task.id))[0]!;
      expect(nextClockMs).toBeGreaterThan(100_000);
      expect(nextClockMs).toBeLessThanOrEqual(110_000);
    });

    it("back does not leave the lock with a holder that is gone", async () => {
      const { store, sql } = subject();
      const name = newId();
      const lock = (holder: string) => store.maintenance.lock(name, holder, 60_000, null);
      expect(await lock("a")).not.toBeNull();
      expect(await lock("b")).toBeNull();
      await sql("UPDATE locks SET expires_at = '2999-01-01 00:00:00.000' WHERE name = ?", [name]);
      expect(await lock("b")).not.toBeNull();
      expect(await lock("a")).toBeNull();
    });
  });
}
