import { newId } from "../../../src/model/ids";
import type { Subject } from "../contract";
import { claimed, createdTask, dueOf, endOf, living, lostOf, PAST, rowOf } from "../support";

export function finishContract(subject: () => Subject): void {
  describe("finishing", () => {
    it("records results byte for byte, and the same call again changes nothing", async () => {
      const { store } = subject();
      const tasks = [await createdTask(store), await createdTask(store), await createdTask(store)];
      const ends = [
        endOf(await claimed(store, tasks[0]!.id), {
          result: '{"n":9007199254740993,"t":"\\u0000😀\u2028"}',
          resultText: "raw\0\u2029'\\ end ",
        }),
        endOf(await claimed(store, tasks[1]!.id), {
          status: "failed",
          reason: "exit_code",
          error: "it's \\ broken\0",
          result: null,
        }),
        endOf(await claimed(store, tasks[2]!.id), { status: "cancelled", reason: "cancelled", result: null }),
      ];
      expect(await store.managers.finish(ends)).toEqual(Array(3).fill({ kind: "recorded" }));
      const rows = [];
      for (const [i, task] of tasks.entries()) {
        const row = await rowOf(store, task);
        const { status, reason, error, result, resultText } = ends[i]!;
        expect(row).toMatchObject({ status, reason, error, result, resultText, finishedAt: expect.any(String) });
        rows.push(row);
      }
      expect(rows[0]!.progress).toBe(1);
      expect(await store.managers.finish([...ends].reverse())).toEqual(Array(3).fill({ kind: "recorded" }));
      for (const [i, task] of tasks.entries()) expect(await rowOf(store, task)).toEqual(rows[i]);
      expect(await store.tasks.attempts(tasks[0]!.id, "lb-1")).toEqual([]);
    });

    it.each([
      ["a success with a result", {}, { progress: 1 }],
      ["a success without one", { result: null }, { progress: 1 }],
      ["a failure that says why", { status: "failed", error: "broken", result: null }, { progress: 0 }],
      ["a failure that says nothing", { status: "failed", result: null }, { progress: 0 }],
    ] as const)("records %s alike, alone and with others", async (_, more, expected) => {
      const { store, sql } = subject();
      const tasks = await Promise.all(Array.from({ length: 3 }, () => createdTask(store)));
      const ends = [];
      for (const { id } of tasks) ends.push(endOf(await claimed(store, id), more));
      const [alone, ...together] = ends;
      for (const part of [[alone!], together])
        expect(await store.managers.finish(part)).toEqual(part.map(() => ({ kind: "recorded" })));
      for (const [i, task] of tasks.entries()) {
        const { status, reason, error, result, resultText } = ends[i]!;
        const row = { ...{ status, reason, error, result, resultText }, ...expected, finishedAt: expect.any(String) };
        expect(await rowOf(store, task)).toMatchObject(row);
        const stored = await sql("SELECT due_at, version FROM task_responses WHERE task_id = ?", [task.id]);
        expect(stored).toEqual([{ due_at: null, version: 3 }]);
      }
    });

    it("keeps a stale result as a superseded attempt and leaves the row alone", async () => {
      const { store, other } = subject();
      const task = await createdTask(store);
      const zombie = await claimed(store, task.id);
      await store.maintenance.reclaim([await lostOf(store, zombie)]);
      const successor = await claimed(other, task.id);
      await other.managers.finish([endOf(successor)]);
      const row = await rowOf(store, task);

      const late = endOf(zombie, { result: '"late"', status: "failed", reason: "error", error: "late" });
      const neighbour = await createdTask(store);
      const good = endOf(await claimed(store, neighbour.id));
      expect(await store.managers.finish([late, good])).toEqual([{ kind: "superseded" }, { kind: "recorded" }]);
      expect(await store.managers.finish([late])).toEqual([{ kind: "superseded" }]);
      expect(await rowOf(store, task)).toEqual(row);
      const attempts = await store.tasks.attempts(task.id, "lb-1");
      expect(attempts.map(({ outcome, attempt, result }) => [outcome, attempt, result])).toEqual([
        ["lost", 1, null],
        ["superseded", 1, '"late"'],
      ]);
    });

    it("never takes one task's lease for another's", async () => {
      const { store } = subject();
      const [one, two] = [await createdTask(store), await createdTask(store)];
      const manager = await living(store);
      const stale = await claimed(store, one.id, { manager });
      await store.maintenance.reclaim([await lostOf(store, stale)]);
      const answers = await store.managers.claim(
        manager,
        "lb-1",
        [one, two].map(({ id }) => ({ taskId: id, job: "" })),
      );
      const [again, beside] = answers.map((answer) => (answer.granted ? answer : undefined));
      // `again` and `beside` share a lease; the stale report of `one` stands in a batch with it.
      expect(await store.managers.finish([endOf(stale), endOf(beside!)])).toEqual([
        { kind: "superseded" },
        { kind: "recorded" },
      ]);
      expect(await rowOf(store, one)).toMatchObject({ status: "running", leaseId: again!.leaseId });
    });

    it("schedules a retry, keeps the attempt, and forgets the confirm of before", async () => {
      const { store, sql } = subject();
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      const end = endOf(grant, {
        status: "retrying",
        retryInMs: 5000,
        reason: "error",
        error: "boom",
        result: '"partial"',
      });
      expect(await store.managers.finish([end])).toEqual([{ kind: "recorded" }]);
      expect(await store.managers.finish([end])).toEqual([{ kind: "recorded" }]);
      const row = await rowOf(store, task);
      expect(row).toMatchObject({
        status: "retrying",
        attempt: 1,
        reason: "error",
        error: "boom",
        finishedAt: null,
        result: null,
      });
      const [{ changed_at: failedAt }] = (await sql("SELECT changed_at FROM task_responses WHERE task_id = ?", [
        task.id,
      ])) as [{ changed_at: string }];
      expect(Date.parse(row.retryAt!) - Date.parse(`${failedAt.replace(" ", "T")}Z`)).toBe(5000);
      expect(await store.tasks.attempts(task.id, "lb-1")).toMatchObject([
        {
          attempt: 1,
          outcome: "failed",
          error: "boom",
          result: '"partial"',
          leaseId: grant.leaseId,
          startedAt: row.startedAt,
        },
      ]);
      expect(await dueOf(store, task.id)).toEqual([]);
      await sql("UPDATE task_responses SET retry_at = ?, due_at = ? WHERE task_id = ?", [PAST, PAST, task.id]);
      expect(await dueOf(store, task.id)).toMatchObject([{ status: "retrying", published: false, delayed: false }]);
      // Under the next lease the first report is history, and still known.
      await claimed(store, task.id);
      expect(await store.managers.finish([end])).toEqual([{ kind: "recorded" }]);
      expect(await rowOf(store, task)).toMatchObject({ status: "running", attempt: 2 });
    });

    it("takes back what is released, without charging the attempt", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      const end = endOf(grant, { status: "received", result: null });
      expect(await store.managers.finish([end])).toEqual([{ kind: "recorded" }]);
      expect(await store.managers.finish([end])).toEqual([{ kind: "recorded" }]);
      expect(await rowOf(store, task)).toMatchObject({ status: "received", attempt: 0, startedAt: null });
      expect(await store.tasks.attempts(task.id, "lb-1")).toMatchObject([{ outcome: "released", attempt: 1 }]);
      // A result under the lease that was given back comes too late.
      expect(await store.managers.finish([endOf(grant)])).toEqual([{ kind: "superseded" }]);
      expect((await claimed(store, task.id)).attempt).toBe(1);
    });

    it("cancels instead of going on, when it was told to", async () => {
      const { store } = subject();
      for (const status of ["retrying", "received"] as const) {
        const task = await createdTask(store);
        const grant = await claimed(store, task.id);
        await store.tasks.cancel(task.id);
        expect(await store.managers.finish([endOf(grant, { status, retryInMs: 0, result: null })])).toEqual([
          { kind: "recorded" },
        ]);
        expect(await rowOf(store, task)).toMatchObject({
          status: "cancelled",
          reason: "cancelled",
          finishedAt: expect.any(String),
          retryAt: null,
        });
      }
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      await store.tasks.cancel(task.id);
      await store.managers.finish([endOf(grant)]);
      expect((await rowOf(store, task)).status).toBe("succeeded");
    });

    it("ends the jobs and endpoints of a mixed batch, each in its way", async () => {
      const { store } = subject();
      const task = await createdTask(store, { endpoints: ["lb-1", "lb-2"], jobs: ["a", "b"] });
      const one = await createdTask(store, { deliver: "one", endpoints: ["*"] });
      const ends = [
        endOf(await claimed(store, task.id, { job: "a" })),
        endOf(await claimed(store, task.id, { job: "b" }), { status: "retrying", retryInMs: 0 }),
        endOf(await claimed(store, task.id, { job: "a", endpoint: "lb-2" }), { status: "failed", reason: "error" }),
        endOf(await claimed(store, one.id)),
        endOf({ ...(await claimed(store, task.id, { job: "b", endpoint: "lb-2" })), taskId: newId() }),
      ];
      expect((await store.managers.finish(ends)).map(({ kind }) => kind)).toEqual([
        "recorded",
        "recorded",
        "recorded",
        "recorded",
        "superseded",
      ]);
      const rows = (await store.tasks.find(task.type, task.id))!.responses;
      expect(rows.map((row) => row.status)).toEqual(["succeeded", "retrying", "failed", "running"]);
      expect((await rowOf(store, one)).status).toBe("succeeded");
    });

    it("finishes a hundred at once, from two sides, each once", async () => {
      const { store, other } = subject();
      const tasks = await Promise.all(Array.from({ length: 100 }, () => createdTask(store)));
      const answers = await store.managers.claim(
        await living(store),
        "lb-1",
        tasks.map(({ id }) => ({ taskId: id, job: "" })),
      );
      const ends = answers.map((answer, i) =>
        endOf(answer as Extract<typeof answer, { granted: true }>, { result: String(i) }),
      );
      const both = await Promise.all([store.managers.finish(ends), other.managers.finish([...ends].reverse())]);
      expect(both.flat().every(({ kind }) => kind === "recorded")).toBe(true);
      const states = await store.tasks.states(tasks.map(({ id }) => id));
      expect(states.map((state) => state.responses[0]!.version)).toEqual(Array(100).fill(3));
    });

    it("refuses an end whose lease is no lease, and stores a reason of any length", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      const [refused] = await store.managers.finish([endOf({ ...grant, leaseId: "é" })]);
      expect(refused!.kind).toBe("refused");
      expect(await store.managers.finish([endOf(grant, { status: "failed", reason: "😀".repeat(500) })])).toEqual([
        { kind: "recorded" },
      ]);
      expect((await rowOf(store, task)).reason).toBe("😀".repeat(190));
    });
  });
}
