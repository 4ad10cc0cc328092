import { newId } from "../../../src/model/ids";
import type { NewTask, TaskDraft } from "../../../src/model/task";
import { expectedOf, RESPONSES } from "../../../src/store/sql/tables/responses";
import type { Moment } from "../../../src/store/sql/tables/table";
import { toDb } from "../../../src/store/sql/times";
import type { CreateOutcome } from "../../../src/store/store";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, fresh, living, newTask } from "../support";

const kinds = (outcomes: CreateOutcome[]) => outcomes.map((outcome) => outcome.kind);

/** Text that something on the way could damage: every control character, emoji, line separators, long numbers, spaces at the end. */
const AWKWARD = `${Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join("")}'"\`\\%_😀é\u2028\u2029\ufeff 12345678901234567890 `;

export function createContract(subject: () => Subject): void {
  describe("creating", () => {
    it("stores the task and one expected response for each endpoint and job", async () => {
      const { store } = subject();
      const task = newTask({
        endpoints: ["lb-2", "lb-1"],
        jobs: ["crawl", "sync"],
        expiresMs: 60_000,
        createdBy: "ann",
      });
      expect(kinds(await store.tasks.create([task]))).toEqual(["created"]);
      const found = (await store.tasks.find(task.type, task.id))!;
      expect(found.responses.map(({ endpoint, job, status }) => [endpoint, job, status])).toEqual([
        ["lb-1", "crawl", "expected"],
        ["lb-1", "sync", "expected"],
        ["lb-2", "crawl", "expected"],
        ["lb-2", "sync", "expected"],
      ]);
      expect(Date.parse(found.task.waitUntil) - Date.parse(found.task.createdAt)).toBe(30_000);
      expect(Date.parse(found.task.expiresAt!) - Date.parse(found.task.createdAt)).toBe(60_000);
      expect(found.task).toMatchObject({ status: "pending", createdBy: "ann", publishedAt: null });
    });

    it.each([
      [
        "with all that it may have",
        { delayUntil: "2999-01-01T00:00:00+02:00", expiresMs: 5, priority: 9, traceparent: "00-ab-cd-01" },
      ],
      ["with nothing but what it must have", {}],
      ["for any one endpoint", { deliver: "one", endpoints: ["*"], jobs: ["crawl", "sync"] }],
    ] as const)("answers with the task exactly as it is read later: %s", async (_, more) => {
      const { store } = subject();
      const task = newTask(more as Partial<NewTask>);
      const [outcome] = await store.tasks.create([task]);
      const found = (await store.tasks.find(task.type, task.id))!;
      expect(outcome).toEqual({ kind: "created", task: found.task, endpoints: task.endpoints });
      const now = toDb(found.task.createdAt);
      const at: Moment = { now, delay: null, after: () => now };
      expect(found.responses).toEqual(expectedOf(task).map((made) => RESPONSES.inserted(made, at)));
    });

    it("keeps apart what differs between tasks that are stored together", async () => {
      const { store } = subject();
      const tasks = [
        newTask({ deliver: "one", endpoints: ["*"], waitMs: 1000 }),
        newTask({ endpoints: ["lb-1", "lb-2"], waitMs: 2000, expiresMs: 1000 }),
        newTask({ waitMs: 2000, traceparent: "00-ab-cd-01" }),
        newTask({ waitMs: 3000, createdBy: "ann" }),
      ];
      const outcomes = await store.tasks.create(tasks);
      for (const [i, task] of tasks.entries()) {
        const found = (await store.tasks.find(task.type, task.id))!;
        expect(outcomes[i]).toEqual({ kind: "created", task: found.task, endpoints: task.endpoints });
        const { createdAt, waitUntil, expiresAt, traceparent, createdBy } = found.task;
        expect(Date.parse(waitUntil) - Date.parse(createdAt)).toBe(task.waitMs);
        expect(expiresAt && Date.parse(expiresAt) - Date.parse(createdAt)).toBe(task.expiresMs);
        expect({ traceparent, createdBy }).toEqual({ traceparent: task.traceparent, createdBy: task.createdBy });
        expect(found.responses.map(({ endpoint, performer }) => [endpoint, performer])).toEqual(
          task.endpoints.map((name) => [name, task.deliver === "one" ? null : name]),
        );
      }
    });

    it("sends a task that names no endpoint to all who are registered for its type", async () => {
      const { store, sql } = subject();
      const [type, other] = [fresh("broadcast"), fresh("broadcast")];
      await store.tasks.registerEndpoints(type, ["lb-3", "lb-1", "lb-2"]);
      await store.tasks.registerEndpoints(other, ["db-1"]);
      const tasks: TaskDraft[] = [
        { ...newTask({ type, attempts: 7, timeoutMs: 5000, waitMs: 1000 }), endpoints: null },
        newTask({ type, endpoints: ["lb-2"] }),
        { ...newTask({ type: other, jobs: ["crawl", "sync"], createdBy: "ann" }), endpoints: null },
        newTask({ deliver: "one", endpoints: ["*"] }),
        { ...newTask({ type, attempts: 1 }), endpoints: null },
        { ...newTask({ type, delayUntil: "2999-01-01T00:00:00Z" }), endpoints: null },
      ];
      const all = ["lb-1", "lb-2", "lb-3"];
      const reached = [all, ["lb-2"], ["db-1"], ["*"], all, all];
      for (const given of [tasks.slice(0, 5), tasks.slice(5)]) {
        for (const [i, outcome] of (await store.tasks.create(given)).entries()) {
          const task = given[i]!;
          const endpoints = reached[tasks.indexOf(task)]!;
          const found = (await store.tasks.find(task.type, task.id))!;
          expect(outcome).toEqual({ kind: "created", task: found.task, endpoints: expect.arrayContaining(endpoints) });
          const expected = endpoints.flatMap((endpoint) =>
            task.jobs.map((job) => ({ endpoint, job, type: task.type, attempts: task.attempts, status: "expected" })),
          );
          expect(found.responses).toMatchObject(expected);
          expect(await sql("SELECT expected FROM tasks WHERE id = ?", [task.id])).toEqual([
            { expected: found.responses.length },
          ]);
          expect(found.responses.map(({ performer }) => performer)).toEqual(
            expected.map(({ endpoint }) => (endpoint === "*" ? null : endpoint)),
          );
          expect(Date.parse(found.task.waitUntil) - Date.parse(task.delayUntil ?? found.task.createdAt)).toBe(
            task.waitMs,
          );
          const [granted] = await store.managers.claim(await living(store), endpoints[0]!, [
            { taskId: task.id, job: task.jobs[0]! },
          ]);
          if (task.delayUntil === null) expect(granted).toMatchObject({ granted: true, timeoutMs: task.timeoutMs });
        }
      }
    });

    it("says what reaches nobody, and stores its neighbours", async () => {
      const { store } = subject();
      const type = fresh("nobody");
      const neighbour = newTask();
      const task = { ...newTask({ type }), endpoints: null };
      expect(kinds(await store.tasks.create([neighbour, task]))).toEqual(["created", "unaddressed"]);
      expect(await store.tasks.find(type, task.id)).toBeNull();
      expect((await store.tasks.find(neighbour.type, neighbour.id))!.responses).toHaveLength(1);
    });

    it("tells a task that was stored before, whoever is registered now", async () => {
      const { store } = subject();
      const type = fresh("later");
      const task = newTask({ type, endpoints: ["lb-1"] });
      await store.tasks.create([task]);
      const again = { ...task, endpoints: null };
      const twin = { ...newTask({ type, identifier: task.identifier }), endpoints: null };
      for (const registered of [[], ["lb-1", "lb-2"]]) {
        await store.tasks.registerEndpoints(type, registered);
        expect(await store.tasks.create([again])).toMatchObject([{ kind: "created", endpoints: ["lb-1"] }]);
        expect(await store.tasks.create([twin])).toMatchObject([{ kind: "existing", task: { id: task.id } }]);
      }
    });

    it("answers a repeated call with created again, and stores nothing twice", async () => {
      const { store } = subject();
      const tasks = [newTask(), newTask({ endpoints: ["lb-1", "lb-2"] })];
      await store.tasks.create(tasks);
      expect(kinds(await store.tasks.create(tasks))).toEqual(["created", "created"]);
      expect((await store.tasks.find(tasks[1]!.type, tasks[1]!.id))!.responses).toHaveLength(2);
    });

    it("knows an identifier again, before, within and beside a batch", async () => {
      const { store, other } = subject();
      const first = await createdTask(store);
      const twin = { ...newTask(), identifier: first.identifier };
      const [a, b] = [newTask(), newTask()];
      const outcomes = await other.tasks.create([a, twin, b, { ...newTask(), identifier: a.identifier }]);
      expect(kinds(outcomes)).toEqual(["created", "existing", "created", "existing"]);
      expect(outcomes[1]).toMatchObject({ task: { id: first.id } });
      expect(outcomes[3]).toMatchObject({ task: { id: a.id } });
    });

    it("lets one of many concurrent creates of an identifier win", async () => {
      const { store, other } = subject();
      const identifier = fresh("race");
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? store : other).tasks.create([newTask({ identifier }), newTask()]),
        ),
      );
      const ofRace = outcomes.map(([outcome]) => outcome!);
      expect(ofRace.filter(({ kind }) => kind === "created")).toHaveLength(1);
      expect(ofRace.filter(({ kind }) => kind === "existing")).toHaveLength(19);
      expect(new Set(ofRace.map((outcome) => ("task" in outcome ? outcome.task.id : ""))).size).toBe(1);
      expect(outcomes.every(([, beside]) => beside!.kind === "created")).toBe(true);
    });

    it("tells identifiers apart by every byte, and by type", async () => {
      const { store } = subject();
      const base = fresh("Same");
      const names = [base, `${base} `, base.toLowerCase(), `${base}\0`, `${base}\u00e9`, `${base}e\u0301`, `${base}😀`];
      const outcomes = await store.tasks.create([
        ...names.map((identifier) => newTask({ identifier })),
        newTask({ identifier: base, type: "other-type" }),
      ]);
      expect(kinds(outcomes)).toEqual(Array(8).fill("created"));
      for (const identifier of names) {
        expect(await store.tasks.create([newTask({ identifier })])).toMatchObject([
          { kind: "existing", task: { identifier } },
        ]);
      }
    });

    it("takes 190 characters of four bytes each", async () => {
      const { store } = subject();
      const identifier = "😀".repeat(190);
      await createdTask(store, { identifier });
      expect(await store.tasks.create([newTask({ identifier })])).toMatchObject([
        { kind: "existing", task: { identifier } },
      ]);
    });

    it("refuses a row that cannot be stored, alone", async () => {
      const { store } = subject();
      const bad = newTask({ bodyHash: "x".repeat(64), endpoints: ["lb-1", "lb-1"] });
      const outcomes = await store.tasks.create([newTask(), newTask(), bad, newTask(), newTask()]);
      // The second response of the bad row violates the primary key.
      expect(kinds(outcomes)).toEqual(["created", "created", "refused", "created", "created"]);
      expect(await store.tasks.find(bad.type, bad.id)).toBeNull();
    });

    it("keeps a payload byte for byte", async () => {
      const { store } = subject();
      const payload = JSON.stringify({ text: AWKWARD, nested: [[]], big: "x".repeat(1_000_000) }).replace(
        "[[]]",
        "[9007199254740993, 1.0, 1e2]",
      );
      const task = await createdTask(store, { payload });
      expect((await store.tasks.find(task.type, task.id))!.task.payload).toBe(payload);
      expect((await claimed(store, task.id)).payload).toBe(payload);
      expect((await store.maintenance.payloads([task.id, newId(), "nonsense"])).get(task.id)).toBe(payload);
    });

    it("stores a delay to the end of the year 9999", async () => {
      const { store } = subject();
      const task = await createdTask(store, {
        delayUntil: "9999-12-31T23:59:59.999Z",
        waitMs: 1e15,
        expiresMs: 1e15,
        timeoutMs: 1e15,
      });
      const found = (await store.tasks.find(task.type, task.id))!.task;
      expect(found).toMatchObject({
        status: "scheduled",
        delayUntil: "9999-12-31T23:59:59.999Z",
        waitUntil: "9999-12-31T23:59:59.999Z",
      });
      expect(await dueOf(store, task.id)).toEqual([]);
    });

    it("treats a delay in the past as none", async () => {
      const { store } = subject();
      const task = await createdTask(store, { delayUntil: "2001-01-01T00:00:00Z" });
      const found = (await store.tasks.find(task.type, task.id))!.task;
      expect(found).toMatchObject({ status: "pending", delayUntil: "2001-01-01T00:00:00.000Z" });
      expect(Date.parse(found.waitUntil) - Date.parse(found.createdAt)).toBe(30_000);
      expect((await claimed(store, task.id)).attempt).toBe(1);
    });

    it("stores a fan-out to a thousand endpoints in one call", async () => {
      const { store } = subject();
      const endpoints = Array.from({ length: 1000 }, (_, i) => `node-${String(i).padStart(4, "0")}`);
      const task = await createdTask(store, { endpoints: [...endpoints].reverse() });
      const found = (await store.tasks.find(task.type, task.id))!;
      expect(found.responses.map((row) => row.endpoint)).toEqual(endpoints);
    });

    it("lets only one task of a run key be open, and the next in as soon as its end is stored", async () => {
      const { store, other } = subject();
      const runKey = fresh("nightly");
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, i) =>
          (i % 2 ? store : other).tasks.create([newTask({ runKey, type: "nightly" })]),
        ),
      );
      const flat = outcomes.flat();
      const winner = flat.find((outcome) => outcome.kind === "created") as Extract<CreateOutcome, { kind: "created" }>;
      expect(flat.filter((outcome) => outcome.kind === "busy")).toEqual(
        Array(5).fill({ kind: "busy", taskId: winner.task.id }),
      );

      await store.managers.finish([endOf(await claimed(store, winner.task.id))]);
      expect((await other.tasks.create([newTask({ runKey, type: "nightly" })]))[0]!.kind).toBe("busy");
      await store.maintenance.storeStatus([winner.task.id]);
      const [next, twin] = await other.tasks.create([
        newTask({ runKey, type: "nightly" }),
        newTask({ runKey, type: "nightly" }),
      ]);
      expect(next!.kind).toBe("created");
      expect(twin).toEqual({ kind: "busy", taskId: (next as Extract<CreateOutcome, { kind: "created" }>).task.id });
      expect((await store.tasks.newest("nightly"))!.id).toBe(
        (next as Extract<CreateOutcome, { kind: "created" }>).task.id,
      );
    });

    it("is not disturbed by columns that users add", async () => {
      const { store, sql } = subject();
      for (const table of ["tasks", "task_responses", "task_attempts", "task_requests", "managers"]) {
        await sql(`ALTER TABLE ${table} ADD COLUMN ${fresh("mine").replaceAll("-", "_")} INT NULL`);
      }
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      expect(await store.managers.finish([endOf(grant, { status: "retrying", retryInMs: 0 })])).toEqual([
        { kind: "recorded" },
      ]);
    });

    it("finds nothing for what is no id, and nothing of another type", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      expect(await store.tasks.find("other-type", task.id)).toBeNull();
      for (const id of ["", "é", "0' OR 1=1", newId()]) {
        expect(await store.tasks.find("app-update", id)).toBeNull();
        expect(await store.tasks.states([id])).toEqual([]);
        expect(await store.tasks.cancel(id)).toBeNull();
        expect(await store.tasks.responses(id, { limit: 5 })).toEqual([]);
      }
      expect(await store.tasks.list({ type: "é😀", limit: 5 })).toEqual([]);
    });
  });
}
