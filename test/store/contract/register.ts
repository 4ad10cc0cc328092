import { newId } from "../../../src/model/ids";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, fresh, lostOf, PAST, registration, rowOf } from "../support";

export function registerContract(subject: () => Subject): void {
  describe("managers and endpoints", () => {
    it("registers an endpoint with its labels and types, by config and by manager, any number of times", async () => {
      const { store, other } = subject();
      const type = fresh("type");
      const [a, b] = [fresh("b-end"), fresh("a-end")];
      await Promise.all([store, other, store].map((side) => side.tasks.registerEndpoints(type, [a, b, a])));
      expect(await store.tasks.endpointsOf(type)).toEqual([b, a]);
      const manager = registration({ endpoint: a, labels: { role: "lb" }, types: [type, "extra"] });
      await store.managers.register(manager);
      await store.managers.register(manager);
      expect(await store.tasks.endpoint(a)).toMatchObject({
        name: a,
        labels: { role: "lb" },
        types: ["extra", type],
        alive: true,
        managers: [{ id: manager.id, state: "alive", host: "host-a", running: 0 }],
      });
      expect(await store.tasks.endpoint(b)).toMatchObject({ labels: {}, alive: false, lastSeenAt: null, managers: [] });
      expect(await store.tasks.endpoint("nobody")).toBeNull();
      expect((await store.tasks.endpoints()).map(({ name }) => name)).toEqual(expect.arrayContaining([a, b]));
    });

    it("makes what waits for an endpoint due when it registers for the type for the first time", async () => {
      const { store, sql } = subject();
      const [type, endpoint] = [fresh("type"), fresh("endpoint")];
      const waiting = await createdTask(store, { type, endpoints: [endpoint, "lb-1"] });
      const delayed = await createdTask(store, { type, endpoints: [endpoint], delayUntil: "2999-01-01T00:00:00Z" });
      const foreign = await createdTask(store, { type: fresh("type"), endpoints: [endpoint] });
      await sql("UPDATE task_responses SET due_at = '9999-12-31 00:00:00.000' WHERE due_at IS NOT NULL");
      await store.managers.register(registration({ endpoint, types: [type] }));
      expect((await dueOf(store, waiting.id)).map((row) => row.endpoint)).toEqual([endpoint]);
      expect([...(await dueOf(store, delayed.id)), ...(await dueOf(store, foreign.id))]).toEqual([]);
      await sql("UPDATE task_responses SET due_at = '9999-12-31 00:00:00.000' WHERE due_at IS NOT NULL");
      await store.tasks.registerEndpoints(type, [endpoint]);
      expect(await dueOf(store, waiting.id)).toEqual([]);
    });

    it("keeps a manager known by its heartbeat until it leaves", async () => {
      const { store, sql } = subject();
      const manager = registration();
      await store.managers.register(manager);
      await sql("UPDATE managers SET heartbeat_at = ? WHERE id = ?", [PAST, manager.id]);
      expect(await store.tasks.endpoint(manager.endpoint)).toMatchObject({ alive: false });
      expect(await store.managers.heartbeat(manager.id, { running: 3, draining: true })).toEqual({ known: true });
      expect(await store.managers.heartbeat(manager.id, { running: 3, draining: true })).toEqual({ known: true });
      expect(await store.tasks.endpoint(manager.endpoint)).toMatchObject({
        alive: true,
        managers: [{ running: 3, state: "draining" }],
      });
      await store.managers.leave(manager.id);
      await store.managers.leave(manager.id);
      expect(await store.tasks.endpoint(manager.endpoint)).toMatchObject({
        alive: false,
        managers: [{ state: "stopped", running: 0 }],
      });
      expect(await store.managers.heartbeat(manager.id, { running: 0, draining: false })).toEqual({ known: false });
      expect(await store.managers.heartbeat(newId(), { running: 0, draining: false })).toEqual({ known: false });
    });

    it("names the predecessors at a place and spares those it is told to", async () => {
      const { managers } = subject().store;
      const one = registration();
      const { endpoint, host, slot } = one;
      const two = registration({ endpoint });
      await managers.register(one);
      expect(await managers.predecessors({ endpoint, host, slot })).toEqual([{ id: one.id, pid: one.pid }]);
      await managers.register({ ...two, spare: [one.id] });
      expect(await managers.heartbeat(one.id, { running: 0, draining: false })).toEqual({ known: true });
      expect(await managers.heartbeat(two.id, { running: 0, draining: false })).toEqual({ known: true });
    });

    it("retires a predecessor at the same place at once, and nobody else", async () => {
      const { store } = subject();
      const first = registration();
      const { endpoint } = first;
      await store.managers.register(first);
      const neighbour = registration({ endpoint, slot: "1" });
      await store.managers.register(neighbour);
      const [mine, theirs] = [
        await createdTask(store, { endpoints: [endpoint] }),
        await createdTask(store, { endpoints: [endpoint] }),
      ];
      const lease = await claimed(store, mine.id, { endpoint, manager: first.id });
      await claimed(store, theirs.id, { endpoint, manager: neighbour.id });
      await store.managers.register(registration({ endpoint }));
      expect(await dueOf(store, mine.id)).toMatchObject([
        { status: "running", managerId: first.id, leaseId: lease.leaseId },
      ]);
      expect(await dueOf(store, theirs.id)).toEqual([]);
      expect(await store.managers.heartbeat(first.id, { running: 1, draining: false })).toEqual({ known: false });
      expect(await store.managers.heartbeat(neighbour.id, { running: 1, draining: false })).toEqual({ known: true });
      const states = (await store.tasks.endpoint(endpoint))!.managers.map(({ id, state }) => [id === first.id, state]);
      expect(states.sort()).toEqual([
        [false, "alive"],
        [false, "alive"],
        [true, "retired"],
      ]);
    });

    it("declares dead who is named as silent, once, unless it has been heard since, and makes its leases due", async () => {
      const { store, other, sql } = subject();
      const [silent, heard] = [registration({ ttlMs: 5000 }), registration({ ttlMs: 6000 })];
      await store.managers.register(silent);
      await store.managers.register(heard);
      const task = await createdTask(store, { deliver: "one", endpoints: ["*"] });
      await claimed(store, task.id, { endpoint: silent.endpoint, manager: silent.id });
      await sql("UPDATE managers SET heartbeat_at = ? WHERE id IN (?, ?)", [PAST, silent.id, heard.id]);
      const seen = (await store.maintenance.heartbeats()).filter(({ managerId }) =>
        [silent.id, heard.id].includes(managerId),
      );
      expect(seen.map(({ managerId, ttlMs }) => [managerId, ttlMs]).sort()).toEqual(
        [
          [silent.id, 5000],
          [heard.id, 6000],
        ].sort(),
      );
      expect(await store.managers.heartbeat(heard.id, { running: 0, draining: false })).toEqual({ known: true });
      const reaped = (
        await Promise.all([store.maintenance.declareDead(seen), other.maintenance.declareDead(seen)])
      ).flat();
      expect(reaped).toMatchObject([{ id: silent.id, state: "dead", endpoint: silent.endpoint }]);
      expect(await dueOf(store, task.id)).toMatchObject([{ managerId: silent.id, status: "running", lost: true }]);
      expect(await store.managers.heartbeat(silent.id, { running: 0, draining: false })).toEqual({ known: false });
      expect((await store.maintenance.heartbeats()).map(({ managerId }) => managerId)).not.toContain(silent.id);
    });
  });

  describe("reclaiming", () => {
    it("ends a lost attempt: another one while there are some, else failed; a cancelled one is cancelled", async () => {
      const { store } = subject();
      const task = await createdTask(store, { attempts: 2 });
      const first = await claimed(store, task.id);
      const lost = await lostOf(store, first);
      expect(await store.maintenance.reclaim([lost, { ...lost, leaseId: newId() }])).toBe(1);
      expect(await store.maintenance.reclaim([lost])).toBe(0);
      expect(await rowOf(store, task)).toMatchObject({
        status: "retrying",
        reason: "crash",
        attempt: 1,
        leaseId: null,
      });
      expect(await dueOf(store, task.id)).toMatchObject([{ published: false, delayed: false }]);
      const second = await claimed(store, task.id);
      await store.maintenance.reclaim([await lostOf(store, second, { reason: "timeout" })]);
      expect(await rowOf(store, task)).toMatchObject({
        status: "failed",
        reason: "timeout",
        attempt: 2,
        finishedAt: expect.any(String),
      });
      expect(
        (await store.tasks.attempts(task.id, "lb-1")).map(({ attempt, outcome, reason }) => [attempt, outcome, reason]),
      ).toEqual([
        [1, "lost", "crash"],
        [2, "lost", "timeout"],
      ]);

      const told = await createdTask(store);
      const lease = await claimed(store, told.id);
      await store.tasks.cancel(told.id);
      await store.maintenance.reclaim([await lostOf(store, lease)]);
      expect(await rowOf(store, told)).toMatchObject({ status: "cancelled", reason: "cancelled" });
    });

    it("loses against a finish that came first", async () => {
      const { store, other } = subject();
      for (let i = 0; i < 10; i++) {
        const task = await createdTask(store);
        const lease = await claimed(store, task.id);
        const lost = await lostOf(store, lease);
        const [[answer], ended] = await Promise.all([
          store.managers.finish([endOf(lease)]),
          other.maintenance.reclaim([lost]),
        ]);
        const { status } = await rowOf(store, task);
        expect([answer!.kind, ended, status]).toEqual(
          ended === 0 ? ["recorded", 0, "succeeded"] : ["superseded", 1, "retrying"],
        );
      }
    });
  });

  describe("newcomers", () => {
    it("are the endpoints and types of managers that live, and behind a place those that have come since", async () => {
      const { store, sql } = subject();
      const [before, after, gone] = [fresh("new"), fresh("new"), fresh("new")];
      const types = [fresh("type"), fresh("type")];
      await store.managers.register(registration({ endpoint: before, types }));
      await sql("UPDATE managers SET started_at = ? WHERE endpoint = ?", [PAST, before]);
      const { next } = await store.maintenance.newcomers(null, 5000);
      await store.managers.register(registration({ endpoint: after, types }));
      const left = registration({ endpoint: gone, types });
      await store.managers.register(left);
      await store.managers.leave(left.id);
      const found = async (from: string | null) =>
        (await store.maintenance.newcomers(from, 5000)).newcomers
          .filter(({ type }) => types.includes(type))
          .map(({ type, endpoint }) => `${types.indexOf(type)} ${endpoint}`)
          .sort();
      const both = (endpoint: string) => [`0 ${endpoint}`, `1 ${endpoint}`];
      expect(await found(null)).toEqual([...both(before), ...both(after)].sort());
      expect(await found(next)).toEqual(both(after));
    });
  });
}
