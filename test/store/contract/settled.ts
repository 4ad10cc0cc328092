import fc from "fast-check";
import { ANY_ENDPOINT } from "../../../src/model/names";
import { isFinal, RESPONSE_STATUSES, type ResponseStatus } from "../../../src/model/response";
import { reading } from "../../../src/tasks/read";
import type { Subject } from "../contract";
import { claimed, createdTask, endOf, fresh, newTask, PAST, registration } from "../support";

const NAMES = ["a", "b", "c"] as const;
const STATES = ["alive", "draining", "stopped", "dead", "retired"] as const;
const EXPECTED = ["expected", "expected", "expected"] as const;

const endpoint = fc.record({
  registered: fc.boolean(),
  managers: fc.array(fc.constantFrom(...STATES), { maxLength: 2 }),
});
const anyStatus = fc.constantFrom<ResponseStatus>(...EXPECTED, ...RESPONSE_STATUSES);
const task = fc.record({
  over: fc.boolean(),
  deliver: fc.constantFrom("each" as const, "one" as const),
  endpoints: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }),
  /** By place of endpoint and job. */
  statuses: fc.array(anyStatus, { minLength: 6, maxLength: 6 }),
  jobs: fc.constantFrom<string[]>([""], ["x", "y"]),
});
const world = fc.record({
  endpoints: fc.record({ a: endpoint, b: endpoint, c: endpoint }),
  tasks: fc.array(task, { minLength: 3, maxLength: 8 }),
});

export function settledContract(subject: () => Subject): void {
  describe("whether a task is settled", () => {
    it("is told alike by every look, and only when nothing is owed to an endpoint that lives", async () => {
      await fc.assert(
        fc.asyncProperty(world, async ({ endpoints, tasks }) => {
          const { store, sql } = subject();
          const type = fresh("type");
          const named = (name: string) => `${type}-${name}`;
          const living = new Set<string>();
          for (const name of NAMES) {
            const { registered, managers } = endpoints[name];
            for (const state of managers) {
              const manager = registration({ endpoint: named(name), types: [fresh("other")], slot: fresh("slot") });
              await store.managers.register(manager);
              // However old the heartbeat: only the reconciler declares a manager dead.
              await sql("UPDATE managers SET state = ?, heartbeat_at = ? WHERE id = ?", [state, PAST, manager.id]);
              if (registered && (state === "alive" || state === "draining")) living.add(named(name)).add(ANY_ENDPOINT);
            }
          }
          const listed = NAMES.filter((name) => endpoints[name].registered);
          await store.tasks.registerEndpoints(type, listed.map(named));

          const settled = new Map<string, boolean>();
          for (const { over, deliver, endpoints: some, statuses, jobs } of tasks) {
            const names = deliver === "one" ? [ANY_ENDPOINT] : some.map(named);
            const made = newTask({ type, deliver, endpoints: names, jobs });
            await store.tasks.create([made]);
            if (over) await sql("UPDATE tasks SET wait_until = ? WHERE id = ?", [PAST, made.id]);
            const rows = names.flatMap((name, i) =>
              jobs.map((job, j) => ({ name, job, status: statuses[2 * i + j]! })),
            );
            for (const { name, job, status } of rows) {
              await sql("UPDATE task_responses SET status = ? WHERE task_id = ? AND endpoint = ? AND job = ?", [
                ...[status, made.id, name, job],
              ]);
            }
            const open = rows.filter(({ status }) => !isFinal(status));
            const untouched = (name: string) => rows.every((row) => row.name !== name || row.status === "expected");
            const given = open.every(({ name }) => over && untouched(name) && !living.has(name));
            settled.set(made.id, given);
          }

          const ids = [...settled.keys()];
          const wanted = ids.filter((id) => !settled.get(id)).sort();
          const open = (found: Awaited<ReturnType<typeof store.tasks.states>>) =>
            found.flatMap((one) => (reading(one).state.settled ? [] : [one.task.id])).sort();
          expect((await store.tasks.unsettled(ids)).sort()).toEqual(wanted);
          expect(open(await store.tasks.states(ids))).toEqual(wanted);
          const whole = await Promise.all(ids.map((id) => store.tasks.find(type, id)));
          expect(open(whole.map((one) => one!))).toEqual(wanted);
        }),
        { numRuns: 40 },
      );
    });

    it("follows a manager's life: owed while it lives or drains, settled once it has left or is declared dead", async () => {
      const { store, sql } = subject();
      const manager = registration({ types: [fresh("type")] });
      const [type] = manager.types as [string];
      const here = await createdTask(store, { type, endpoints: [manager.endpoint], waitMs: 0 });
      const settled = async () => {
        const told = reading((await store.tasks.find(type, here.id))!).state.settled;
        expect(await store.tasks.unsettled([here.id])).toEqual(told ? [] : [here.id]);
        return told;
      };
      expect(await settled()).toBe(true);
      await store.managers.register(manager);
      expect(await settled()).toBe(false);
      await store.managers.heartbeat(manager.id, { running: 0, draining: true });
      expect(await settled()).toBe(false);
      await store.managers.leave(manager.id);
      expect(await settled()).toBe(true);

      const next = registration({ endpoint: manager.endpoint, types: [type], ttlMs: 1000 });
      await store.managers.register(next);
      await sql("UPDATE managers SET heartbeat_at = ? WHERE id = ?", [PAST, next.id]);
      expect(await settled()).toBe(false);
      await store.maintenance.declareDead(
        (await store.maintenance.heartbeats()).filter(({ managerId }) => managerId === next.id),
      );
      expect(await settled()).toBe(true);
      await store.managers.register(registration({ endpoint: manager.endpoint, types: [type] }));
      await store.managers.finish([endOf(await claimed(store, here.id, { endpoint: manager.endpoint }))]);
      expect(await settled()).toBe(true);
    });
  });
}
