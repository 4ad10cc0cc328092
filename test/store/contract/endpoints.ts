import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, fresh, newTask, PAST, registration, rowOf } from "../support";

/** The beginning and the end of an endpoint's life, and what it serves meanwhile. */
export function endpointsContract(subject: () => Subject): void {
  const admitted = async (endpoint: string) =>
    (await subject().store.maintenance.applyRegistrations()).find((admission) => admission.endpoint === endpoint);
  const registered = async (endpoint: string) => (await subject().store.tasks.endpoint(endpoint))?.types;
  const leaving = async (endpoint: string) =>
    (await subject().store.maintenance.leavingEndpoints()).find(({ name }) => name === endpoint);

  describe("what an endpoint serves", () => {
    it("is what its last registration says; the queues of what it gave up are to go", async () => {
      const { store } = subject();
      const [a, b] = [fresh("type"), fresh("type")];
      const first = registration({ types: [a, b] });
      const { endpoint } = first;
      await store.managers.register(first);
      expect(await admitted(endpoint)).toEqual({ endpoint, droppedTypes: [], revived: false });
      expect(await admitted(endpoint)).toBeUndefined();
      await store.managers.leave(first.id);
      expect(await registered(endpoint)).toEqual([a, b].sort());
      await store.managers.register(registration({ endpoint, types: [b] }));
      expect(await admitted(endpoint)).toEqual({ endpoint, droppedTypes: [a], revived: false });
      expect([await registered(endpoint), await store.tasks.endpointsOf(a)]).toEqual([[b], []]);
      const left = (await leaving(endpoint))!;
      expect(left).toMatchObject({ types: [a], removedMs: null });
      await store.maintenance.clearLeaving(left);
      expect(await leaving(endpoint)).toBeUndefined();
      // Served again, what waits for it is due.
      const task = await createdTask(store, { type: a, endpoints: [endpoint] });
      await subject().sql("UPDATE task_responses SET due_at = '9999-12-31 00:00:00.000' WHERE task_id = ?", [task.id]);
      await store.managers.register(registration({ endpoint, types: [a, b] }));
      expect(await dueOf(store, task.id)).toHaveLength(1);
      await admitted(endpoint);
      expect(await registered(endpoint)).toEqual([a, b].sort());
    });

    it("is what its living managers serve together, until one is replaced in its place", async () => {
      const { store, sql } = subject();
      const [a, b, c] = [fresh("type"), fresh("type"), fresh("type")];
      const first = registration({ types: [a, b] });
      const { endpoint } = first;
      await store.managers.register(first);
      await store.managers.register(registration({ endpoint, slot: "1", types: [c] }));
      await admitted(endpoint);
      expect(await registered(endpoint)).toEqual([a, b, c].sort());
      // A successor while the other still drains: both count, then the successor alone.
      const successor = registration({ endpoint, types: [a], spare: [first.id] });
      await store.managers.register(successor);
      expect(await admitted(endpoint)).toMatchObject({ droppedTypes: [] });
      await store.managers.leave(first.id);
      expect(await admitted(endpoint)).toMatchObject({ droppedTypes: [b] });
      expect(await registered(endpoint)).toEqual([a, c].sort());
      // A manager of a version that does not say what it serves takes nothing away.
      const silent = registration({ endpoint, slot: "2", types: [] });
      await store.managers.register(silent);
      await sql("UPDATE managers SET types = NULL WHERE id = ?", [silent.id]);
      expect(await admitted(endpoint)).toMatchObject({ droppedTypes: [] });
    });

    it("stays what a manager has said that left before anybody looked, under a new name's life, too", async () => {
      const { store } = subject();
      const type = fresh("type");
      const manager = registration({ types: [type] });
      const { endpoint } = manager;
      await store.managers.register(manager);
      await store.managers.leave(manager.id);
      expect(await admitted(endpoint)).toEqual({ endpoint, droppedTypes: [], revived: false });
      expect([await registered(endpoint), await admitted(endpoint)]).toEqual([[type], undefined]);
      await store.tasks.removeEndpoint(endpoint, false);
      await subject().sql("UPDATE endpoints SET removed_at = ? WHERE name = ?", [PAST, endpoint]);
      const next = registration({ endpoint, types: [type] });
      await store.managers.register(next);
      await store.managers.leave(next.id);
      expect(await admitted(endpoint)).toMatchObject({ revived: true });
      expect(await registered(endpoint)).toEqual([type]);
    });

    it("keeps what the config lists, and the config replaces only what it has listed itself", async () => {
      const { store } = subject();
      const [a, b] = [fresh("type"), fresh("type")];
      const [listed, both, own] = [fresh("listed"), fresh("both"), fresh("own")];
      expect(await store.tasks.registerEndpoints(a, [listed, both])).toEqual([]);
      for (const endpoint of [both, own]) await store.managers.register(registration({ endpoint, types: [a] }));
      await store.maintenance.applyRegistrations();
      await store.managers.register(registration({ endpoint: both, types: [b] }));
      expect(await admitted(both)).toMatchObject({ droppedTypes: [a] });
      expect(await registered(both)).toEqual([a, b].sort());
      await store.tasks.registerEndpoints(a, []);
      expect(await store.tasks.endpointsOf(a)).toEqual([own]);
      expect([await leaving(listed), await leaving(both)]).toMatchObject([{ types: [a] }, { types: [a] }]);
      await store.tasks.registerEndpoints(a, [listed]);
      expect(await store.tasks.endpointsOf(a)).toEqual([listed, own].sort());
      expect(await leaving(listed)).toMatchObject({ types: [] });
    });
  });

  describe("removing an endpoint", () => {
    it("makes what it owes final, and leaves alone what others owe and what it has answered", async () => {
      const { store } = subject();
      const type = fresh("type");
      const manager = registration({ types: [type] });
      const { endpoint: gone } = manager;
      await store.managers.register(manager);
      const task = await createdTask(store, { type, endpoints: [gone, "lb-1"] });
      const running = await createdTask(store, { type, endpoints: [gone] });
      const lease = await claimed(store, running.id, { endpoint: gone, manager: manager.id });
      const retrying = await createdTask(store, { type, endpoints: [gone] });
      const failed = await claimed(store, retrying.id, { endpoint: gone, manager: manager.id });
      await store.managers.finish([endOf(failed, { status: "retrying", retryInMs: 60_000, error: "no" })]);
      const done = await createdTask(store, { type, endpoints: [gone] });
      await store.managers.finish([endOf(await claimed(store, done.id, { endpoint: gone, manager: manager.id }))]);
      const shared = await createdTask(store, { type, deliver: "one", endpoints: ["*"] });
      await claimed(store, shared.id, { endpoint: gone, manager: manager.id });

      const expected = {
        name: gone,
        types: [type],
        managers: 1,
        alive: true,
        open: { expected: 1, retrying: 1, running: 1 },
      };
      expect(await store.tasks.removeEndpoint(gone, true)).toMatchObject({ ...expected, ended: true });
      expect([await registered(gone), (await rowOf(store, task, gone)).status]).toEqual([[type], "expected"]);
      expect(await store.tasks.removeEndpoint(gone, false)).toMatchObject({ ...expected, ended: true });

      for (const one of [task, running, retrying]) {
        expect(await rowOf(store, one, gone)).toMatchObject({
          status: "cancelled",
          reason: "endpoint_removed",
          error: `The endpoint ${gone} was removed.`,
          leaseId: null,
          finishedAt: expect.any(String),
        });
      }
      expect(await rowOf(store, task, "lb-1")).toMatchObject({ status: "expected", version: 1 });
      expect(await rowOf(store, done)).toMatchObject({ status: "succeeded" });
      expect((await store.tasks.attempts(running.id, gone)).map(({ outcome, reason }) => [outcome, reason])).toEqual([
        ["lost", "endpoint_removed"],
      ]);
      // Its manager ends nothing any more, and what it ran for all goes to somebody else.
      expect(await store.managers.finish([endOf(lease)])).toEqual([{ kind: "superseded" }]);
      expect(await store.managers.heartbeat(manager.id, { running: 1, draining: false })).toEqual({ known: false });
      expect(await dueOf(store, shared.id)).toMatchObject([{ status: "running", lost: true }]);
      expect([await store.tasks.endpoint(gone), await store.tasks.endpointsOf(type)]).toEqual([null, []]);
      expect((await store.tasks.endpoints()).some(({ name }) => name === gone)).toBe(false);
      expect(await leaving(gone)).toMatchObject({ types: [type], removedMs: expect.any(Number) });
      expect(await store.tasks.removeEndpoint(gone, false)).toMatchObject({ ended: false, open: {}, types: [] });
    });

    it("knows whom nobody knows, and ends what is expected of a name that never registered", async () => {
      const { store } = subject();
      const [nobody, named] = [fresh("nobody"), fresh("named")];
      const task = await createdTask(store, { endpoints: [named] });
      expect([
        await store.tasks.removeEndpoint(nobody, false),
        await store.tasks.removeEndpoint("NO NAME", false),
      ]).toEqual([null, null]);
      expect(await store.tasks.removeEndpoint(named, false)).toMatchObject({ ended: false, open: { expected: 1 } });
      expect(await rowOf(store, task)).toMatchObject({ status: "cancelled", reason: "endpoint_removed" });
    });

    it("ends more than a page, and a task that was being stored at that moment a little later", async () => {
      const { store, sql } = subject();
      const gone = fresh("gone");
      const type = fresh("type");
      await store.managers.register(registration({ endpoint: gone, types: [type] }));
      const tasks = Array.from({ length: 1203 }, () => newTask({ type, endpoints: [gone] }));
      await store.tasks.create(tasks);
      expect(await store.tasks.removeEndpoint(gone, false)).toMatchObject({ open: { expected: 1203 } });
      const count = async () =>
        Number(
          (await sql("SELECT COUNT(*) AS n FROM task_responses WHERE endpoint = ? AND status = 'expected'", [gone]))[0]!
            .n,
        );
      expect(await count()).toBe(0);
      const [late, later] = [
        await createdTask(store, { endpoints: [gone] }),
        await createdTask(store, { endpoints: [gone] }),
      ];
      await sql("UPDATE tasks SET created_at = ? WHERE id = ?", [PAST, late.id]);
      await store.maintenance.leavingEndpoints();
      expect([(await rowOf(store, late)).status, (await rowOf(store, later)).status]).toEqual([
        "cancelled",
        "expected",
      ]);
    });

    it("lets a new manager begin a new life under the name, which owes nothing of the old one", async () => {
      const { store, sql } = subject();
      const type = fresh("type");
      const old = registration({ types: [type, fresh("other")] });
      const { endpoint } = old;
      await store.managers.register(old);
      await store.maintenance.applyRegistrations();
      const before = await createdTask(store, { type, endpoints: [endpoint] });
      await store.tasks.removeEndpoint(endpoint, false);
      const between = await createdTask(store, { type, endpoints: [endpoint] });
      await sql("UPDATE tasks SET created_at = ? WHERE id = ?", ["2999-01-01 00:00:00.000", between.id]);
      // The process that was there stays out, as long as it is that process.
      const again = registration({ endpoint, types: [type] });
      await expect(store.managers.register({ ...again, former: { id: old.id, cutOff: false } })).rejects.toMatchObject({
        name: "EndpointEnded",
        code: "illegal_state",
      });
      await sql("UPDATE endpoints SET removed_at = ? WHERE name = ?", [PAST, endpoint]);
      await store.managers.register(again);
      expect(await admitted(endpoint)).toEqual({ endpoint, droppedTypes: [], revived: true });
      expect(await store.tasks.endpoint(endpoint)).toMatchObject({ types: [type], alive: true });
      expect((await rowOf(store, before)).status).toBe("cancelled");
      expect((await rowOf(store, between)).status).toBe("expected");
      await sql("UPDATE managers SET started_at = ? WHERE id = ?", [PAST, old.id]);
      await expect(
        store.managers.register({ ...registration({ endpoint }), former: { id: old.id, cutOff: false } }),
      ).rejects.toThrow("removed");
      await store.managers.register({
        ...registration({ endpoint, types: [type] }),
        former: { id: again.id, cutOff: false },
      });
    });

    it("is stronger than the config, and than a manager that registers at the same moment", async () => {
      const { store, sql } = subject();
      const type = fresh("type");
      const manager = registration({ types: [type] });
      const { endpoint } = manager;
      await store.tasks.registerEndpoints(type, [endpoint]);
      await store.tasks.removeEndpoint(endpoint, false);
      expect(await store.tasks.registerEndpoints(type, [endpoint, "lb-1"])).toEqual([endpoint]);
      expect(await store.tasks.endpointsOf(type)).toEqual(["lb-1"]);
      await store.managers.register(manager);
      await sql("UPDATE managers SET started_at = ? WHERE id = ?", [PAST, manager.id]);
      expect(await admitted(endpoint)).toMatchObject({ revived: false });
      expect([await store.tasks.endpoint(endpoint), await store.tasks.endpointsOf(type)]).toEqual([null, ["lb-1"]]);
      expect(await store.managers.heartbeat(manager.id, { running: 0, draining: false })).toEqual({ known: false });
    });
  });

  describe("renaming an endpoint", () => {
    it("moves what it owes, keeps what it has answered, and reserves the old name", async () => {
      const { store } = subject();
      const type = fresh("type");
      const manager = registration({ types: [type], labels: { role: "lb" } });
      const { endpoint: from } = manager;
      const to = fresh("to");
      await store.managers.register(manager);
      const done = await createdTask(store, { type, endpoints: [from] });
      await store.managers.finish([endOf(await claimed(store, done.id, { endpoint: from, manager: manager.id }))]);
      const open = await createdTask(store, { type, endpoints: [from, "lb-1"], jobs: ["a", "b"] });
      const first = await claimed(store, open.id, { endpoint: from, job: "a", manager: manager.id });
      expect(await store.tasks.renameEndpoint(from, to)).toMatchObject({ kind: "busy" });
      await store.managers.log([{ taskId: open.id, endpoint: from, job: "a", attempt: 1, text: "hello" }]);
      await store.managers.finish([endOf(first)]);
      await store.managers.leave(manager.id);
      expect(await store.tasks.renameEndpoint(from, to)).toEqual({ kind: "renamed", moved: 1 });
      expect(await store.tasks.renameEndpoint(from, to)).toEqual({ kind: "renamed", moved: 0 });

      const rows = (await store.tasks.find(type, open.id))!.responses;
      expect(rows.map(({ endpoint, job, status, performer }) => [endpoint, job, status, performer])).toEqual(
        [
          ["lb-1", "a", "expected", "lb-1"],
          ["lb-1", "b", "expected", "lb-1"],
          [to, "a", "succeeded", to],
          [to, "b", "expected", to],
        ].sort(),
      );
      expect((await dueOf(store, open.id)).map(({ endpoint, job }) => [endpoint, job])).toContainEqual([to, "b"]);
      expect(await store.tasks.log({ taskId: open.id, endpoint: to, job: "a" }, 0, 10)).toMatchObject([
        { text: "hello" },
      ]);
      expect((await rowOf(store, done)).endpoint).toBe(from);
      expect(await store.tasks.endpoint(to)).toMatchObject({ types: [type], labels: { role: "lb" } });
      expect([await store.tasks.endpoint(from), await store.tasks.endpointsOf(type)]).toEqual([null, [to]]);
      expect(await leaving(from)).toMatchObject({ types: [type] });
      await expect(store.managers.register(registration({ endpoint: from }))).rejects.toThrow(`renamed to ${to}`);
      await store.managers.register(registration({ endpoint: to, types: [type] }));
      await claimed(store, open.id, { endpoint: to, job: "b" });
    });

    it("refuses a name that is another's, reserved, or expected by the same task; and goes back", async () => {
      const { store } = subject();
      const [one, two, three] = [fresh("one"), fresh("two"), fresh("three")];
      const type = fresh("type");
      await store.tasks.registerEndpoints(type, [one, two]);
      expect(await store.tasks.renameEndpoint(one, two)).toEqual({ kind: "taken", by: null });
      expect(await store.tasks.renameEndpoint(fresh("none"), three)).toEqual({ kind: "unknown" });
      const task = await createdTask(store, { type, endpoints: [one, three] });
      expect(await store.tasks.renameEndpoint(one, three)).toEqual({ kind: "expected", taskId: task.id });
      await store.tasks.cancel(task.id);
      expect(await store.tasks.renameEndpoint(one, three)).toEqual({ kind: "renamed", moved: 0 });
      expect(await store.tasks.renameEndpoint(two, one)).toEqual({ kind: "taken", by: three });
      expect(await store.tasks.renameEndpoint(three, one)).toEqual({ kind: "renamed", moved: 0 });
      expect(await registered(one)).toEqual([type]);
      // A reserved name is freed by removing it.
      expect(await store.tasks.removeEndpoint(three, false)).toMatchObject({ ended: true });
      expect(await store.tasks.renameEndpoint(two, three)).toEqual({ kind: "renamed", moved: 0 });
    });
  });

  describe("types that the config no longer has, or has otherwise", () => {
    const none = { keepMs: null, deliver: "each" } as const;

    it("stay known with how long their tasks are kept, and become due when they come back", async () => {
      const { store, sql } = subject();
      const [a, b, c] = [fresh("type"), fresh("type"), fresh("type")];
      const known = async (types: Parameters<typeof store.maintenance.configureTypes>[0]) =>
        new Map((await store.maintenance.configureTypes(types)).map((type) => [type.name, type]));
      await known([
        { name: a, deliver: "each", keepMs: 5000 },
        { name: b, ...none },
      ]);
      const task = await createdTask(store, { type: a });
      const unheard = await createdTask(store, { type: c });
      const after = await known([{ name: b, ...none }]);
      expect(after.get(a)).toEqual({ name: a, deliver: "each", keepMs: 5000, configured: false });
      expect(after.get(b)).toMatchObject({ configured: true });
      expect(after.get(c)).toEqual({ name: c, deliver: "each", keepMs: null, configured: false });
      expect([await store.tasks.typeExists(a), await store.tasks.typeExists(fresh("type"))]).toEqual([true, false]);
      const far = "UPDATE task_responses SET due_at = '9999-12-31 00:00:00.000', published = 1 WHERE task_id IN (?, ?)";
      await sql(far, [task.id, unheard.id]);
      await known([{ name: a, deliver: "each", keepMs: 5000 }]);
      expect(await dueOf(store, task.id)).toMatchObject([{ published: false }]);
      expect(await dueOf(store, unheard.id)).toEqual([]);
      await sql(far, [task.id, unheard.id]);
      await known([{ name: a, deliver: "each", keepMs: 9000 }]);
      expect(await dueOf(store, task.id)).toEqual([]);
      expect((await known([{ name: a, deliver: "one", keepMs: 9000 }])).get(a)).toMatchObject({ keepMs: 9000 });
      expect(await dueOf(store, task.id)).toHaveLength(1);
    });

    it("tell the type's managers which other kind of delivery is open", async () => {
      const { store } = subject();
      const [type, other] = [fresh("type"), fresh("type")];
      const manager = registration({ types: [type, other] });
      await store.managers.register(manager);
      const told = () => store.managers.openDeliveries(manager.endpoint);
      expect([await told(), await store.maintenance.isOpen(type, "one")]).toEqual([[], false]);
      const task = await createdTask(store, { type, deliver: "one", endpoints: ["*"] });
      expect([await store.maintenance.isOpen(type, "one"), await store.maintenance.isOpen(type, "each")]).toEqual([
        true,
        false,
      ]);
      await store.maintenance.setOpenDeliver(type, "one");
      await store.maintenance.setOpenDeliver(type, "one");
      expect(await told()).toEqual([{ type, deliver: "one" }]);
      await store.managers.finish([endOf(await claimed(store, task.id, { endpoint: manager.endpoint }))]);
      expect(await store.maintenance.isOpen(type, "one")).toBe(false);
      await store.maintenance.setOpenDeliver(type, null);
      expect(await told()).toEqual([]);
    });
  });
}
