import { newId } from "../../../src/model/ids";
import type { NewTask } from "../../../src/model/task";
import type { Subject } from "../contract";
import { claimed, createdTask, endOf, type Granted, living, newTask, PAST, rowOf } from "../support";

export function claimContract(subject: () => Subject): void {
  describe("claiming", () => {
    it("grants a batch under one lease and refuses the rest with its reason, in the order given", async () => {
      const { store } = subject();
      const manager = await living(store);
      const ready = await createdTask(store);
      const second = await createdTask(store);
      const elsewhere = await createdTask(store, { endpoints: ["lb-2"] });
      const later = await createdTask(store, { delayUntil: "2999-01-01T00:00:00Z" });
      const done = await createdTask(store);
      await store.managers.finish([endOf(await claimed(store, done.id))]);
      const held = await createdTask(store);
      await claimed(store, held.id);
      const ids = [done.id, ready.id, newId(), elsewhere.id, later.id, held.id, second.id, "no id"];
      const answers = await store.managers.claim(
        manager,
        "lb-1",
        ids.map((taskId) => ({ taskId, job: "" })),
      );
      expect(answers.map((answer) => answer.taskId)).toEqual(ids);
      expect(answers.map((answer) => (answer.granted ? "granted" : answer.why))).toEqual([
        "final",
        "granted",
        "unknown",
        "unknown",
        "not_due",
        "held",
        "granted",
        "unknown",
      ]);
      expect(answers[1]).toMatchObject({
        endpoint: "lb-1",
        attempt: 1,
        attempts: 3,
        generation: 1,
        timeoutMs: 60_000,
        identifier: ready.identifier,
        payload: ready.payload,
      });
      expect(answers[1]!.granted && answers[6]!.granted && answers[1]!.leaseId === answers[6]!.leaseId).toBe(true);
      expect(await rowOf(store, ready)).toMatchObject({
        status: "running",
        performer: "lb-1",
        managerId: manager,
        attempt: 1,
      });
    });

    describe("what is known already", () => {
      const knowing = (task: NewTask, more: object = {}) => ({
        ...{ taskId: task.id, job: "", type: task.type, endpoint: task.endpoints[0]! },
        known: {
          ...{ version: 1, attempt: 0, attempts: 3, generation: 1, timeoutMs: 60_000 },
          ...{ identifier: task.identifier, payload: task.payload, traceparent: null, ...more },
        },
      });

      it("is answered as it would be read, under one lease", async () => {
        const { store } = subject();
        const [one, two, asked] = [await createdTask(store), await createdTask(store), await createdTask(store)];
        const answers = await store.managers.claim(await living(store), "lb-1", [
          ...[one, two].map((task) => knowing(task)),
          { taskId: asked.id, job: "", type: asked.type },
        ]);
        const { taskId, identifier, ...rest } = answers[2] as Granted;
        for (const [i, task] of [one, two].entries())
          expect(answers[i]).toEqual({ ...rest, taskId: task.id, identifier: task.identifier });
        expect([taskId, identifier]).toEqual([asked.id, asked.identifier]);
        expect(await rowOf(store, one)).toMatchObject({ status: "running", attempt: 1, leaseId: rest.leaseId });
      });

      it("counts for nothing once the row has gone on: the store's own word is given", async () => {
        const { store } = subject();
        const [retried, gone, still] = [await createdTask(store), await createdTask(store), await createdTask(store)];
        await store.managers.finish([endOf(await claimed(store, retried.id), { status: "retrying", retryInMs: 0 })]);
        await store.managers.finish([endOf(await claimed(store, gone.id))]);
        const answers = await store.managers.claim(
          await living(store),
          "lb-1",
          [retried, gone, still].map((task) => knowing(task, { payload: '{"stale":1}', attempts: 9 })),
        );
        expect(answers[0]).toMatchObject({ granted: true, attempt: 2, attempts: 3, payload: retried.payload });
        expect(answers[1]).toMatchObject({ granted: false, why: "final" });
        expect(answers[2]).toMatchObject({ granted: true, attempt: 1, attempts: 3, payload: still.payload });
      });

      it("counts for nothing where every row has gone on: attempt and generation are the row's", async () => {
        const { store } = subject();
        for (const count of [1, 3]) {
          const tasks = await Promise.all(Array.from({ length: count }, () => createdTask(store)));
          for (const { id } of tasks)
            await store.managers.finish([endOf(await claimed(store, id), { status: "retrying", retryInMs: 0 })]);
          const claims = tasks.map((task) => knowing(task, { attempts: 9 }));
          const answers = await store.managers.claim(await living(store), "lb-1", claims);
          expect(answers).toMatchObject(tasks.map(() => ({ granted: true, attempt: 2, attempts: 3 })));
        }
      });

      it("takes nothing before its time, alone or with others, though its message has come", async () => {
        const { store } = subject();
        for (const beside of [0, 2]) {
          const delayed = await createdTask(store, { delayUntil: "2999-01-01T00:00:00Z" });
          const retrying = await createdTask(store);
          const end = { status: "retrying" as const, retryInMs: 3_600_000 };
          await store.managers.finish([endOf(await claimed(store, retrying.id), end)]);
          const { version } = await rowOf(store, retrying);
          for (const early of [knowing(delayed), knowing(retrying, { version, attempt: 1 })]) {
            const others = await Promise.all(Array.from({ length: beside }, () => createdTask(store)));
            const answers = await store.managers.claim(await living(store), "lb-1", [
              early,
              ...others.map((task) => knowing(task)),
            ]);
            expect(answers[0]).toMatchObject({ granted: false, why: "not_due" });
            expect(answers.slice(1).map(({ granted }) => granted)).toEqual(others.map(() => true));
          }
        }
      });

      it("opens nothing that belongs to another endpoint, type or generation", async () => {
        const { store } = subject();
        const [elsewhere, typed, opened] = [
          await createdTask(store, { endpoints: ["lb-2"] }),
          await createdTask(store),
          await createdTask(store),
        ];
        await store.managers.finish([endOf(await claimed(store, opened.id))]);
        await store.tasks.retry(opened.id, {}, { waitMs: 1000, expiresMs: null });
        const answers = await store.managers.claim(await living(store), "lb-1", [
          { ...knowing(elsewhere), endpoint: "lb-1" },
          { ...knowing(typed), type: "another" },
          knowing(opened),
        ]);
        expect(answers.map((answer) => answer.granted)).toEqual([false, false, true]);
        expect(answers[2]).toMatchObject({ generation: 2, attempt: 1 });
      });

      it("gives a task for anybody to one of those who claim it at once", async () => {
        const { store, other } = subject();
        const tasks = await Promise.all(
          Array.from({ length: 20 }, () => createdTask(store, { deliver: "one", endpoints: ["*"] })),
        );
        const claims = tasks.map((task) => knowing(task));
        const managers = [await living(store), await living(store)] as const;
        const [one, two] = await Promise.all([
          store.managers.claim(managers[0], "lb-1", claims),
          other.managers.claim(managers[1], "lb-2", claims),
        ]);
        for (const [i, answer] of one.entries())
          expect([answer.granted, two[i]!.granted].sort()).toEqual([false, true]);
      });
    });

    it("lets one of two claimers win", async () => {
      const { store, other } = subject();
      const tasks = await Promise.all(Array.from({ length: 20 }, () => createdTask(store)));
      const claims = tasks.map(({ id }) => ({ taskId: id, job: "" }));
      const managers = [await living(store), await living(store)] as const;
      const [one, two] = await Promise.all([
        store.managers.claim(managers[0], "lb-1", claims),
        other.managers.claim(managers[1], "lb-1", [...claims].reverse()),
      ]);
      for (const [i, answer] of one.entries()) {
        const rival = two[tasks.length - 1 - i]!;
        expect([answer.granted, rival.granted].sort()).toEqual([false, true]);
        expect(answer.granted ? rival : answer).toMatchObject({ why: "held" });
      }
    });

    it("gives a task for anybody to whoever claims first, and names the performer", async () => {
      const { store } = subject();
      const task = await createdTask(store, { deliver: "one", endpoints: ["*"] });
      expect(await rowOf(store, task)).toMatchObject({ endpoint: "*", performer: null });
      const grant = await claimed(store, task.id, { endpoint: "lb-7" });
      expect(grant.endpoint).toBe("*");
      const [late] = await store.managers.claim(await living(store), "lb-8", [{ taskId: task.id, job: "" }]);
      expect(late).toMatchObject({ granted: false, why: "held" });
      expect((await store.tasks.response(task.id, "lb-7"))[0]).toMatchObject({ performer: "lb-7", endpoint: "*" });
      expect(await store.tasks.response(task.id, "lb-8")).toEqual([]);
    });

    it("claims each job of a task for itself", async () => {
      const { store } = subject();
      const task = await createdTask(store, { jobs: ["crawl", "sync"] });
      const answers = await store.managers.claim(await living(store), "lb-1", [
        { taskId: task.id, job: "sync" },
        { taskId: task.id, job: "nothing" },
      ]);
      expect(answers.map((answer) => answer.granted)).toEqual([true, false]);
      expect((await store.tasks.find(task.type, task.id))!.responses.map((row) => row.status)).toEqual([
        "expected",
        "running",
      ]);
    });

    it("claims a retry only once it is due, and counts the attempt", async () => {
      const { store, sql } = subject();
      const task = await createdTask(store);
      const first = await claimed(store, task.id);
      await store.managers.finish([
        endOf(first, { status: "retrying", retryInMs: 60_000, reason: "error", error: "no luck" }),
      ]);
      const [early] = await store.managers.claim(await living(store), "lb-1", [{ taskId: task.id, job: "" }]);
      expect(early).toMatchObject({ granted: false, why: "not_due" });
      await sql("UPDATE task_responses SET retry_at = ? WHERE task_id = ?", [PAST, task.id]);
      expect(await claimed(store, task.id)).toMatchObject({ attempt: 2 });
      expect(await rowOf(store, task)).toMatchObject({ retryAt: null, error: null, reason: null });
    });

    it("never grants what was cancelled, expired or told to cancel", async () => {
      const { store, sql } = subject();
      const cancelled = await createdTask(store);
      await store.tasks.cancel(cancelled.id);
      const missed = await createdTask(store);
      await store.maintenance.markMissed([await rowOf(store, missed)]);
      const told = await createdTask(store);
      await sql("UPDATE task_responses SET cancel_at = ? WHERE task_id = ?", [PAST, told.id]);
      const answers = await store.managers.claim(
        await living(store),
        "lb-1",
        [cancelled, missed, told].map(({ id }) => ({ taskId: id, job: "" })),
      );
      expect(answers.map((answer) => !answer.granted && answer.why)).toEqual(["final", "final", "final"]);
    });

    it("marks what waits at an endpoint, once, and only what was expected", async () => {
      const { store } = subject();
      const [waits, runs] = [await createdTask(store), await createdTask(store)];
      await claimed(store, runs.id);
      const claims = [waits, runs].map(({ id }) => ({ taskId: id, job: "" }));
      await store.managers.received("lb-1", claims);
      const row = await rowOf(store, waits);
      expect(row).toMatchObject({ status: "received", receivedAt: expect.any(String) });
      expect((await rowOf(store, runs)).status).toBe("running");
      await store.managers.received("lb-1", claims);
      expect(await rowOf(store, waits)).toEqual(row);
      expect((await claimed(store, waits.id)).attempt).toBe(1);
    });

    it("reports progress only under the lease", async () => {
      const { store } = subject();
      const task = await createdTask(store);
      const grant = await claimed(store, task.id);
      const key = { taskId: task.id, endpoint: "lb-1", job: "" };
      await store.managers.progress([
        { ...key, leaseId: grant.leaseId, progress: 0.2, message: "early" },
        { ...key, leaseId: grant.leaseId, progress: 0.4, message: "half\0way 😀".repeat(200) },
        { ...key, leaseId: newId(), taskId: (await createdTask(store)).id, progress: 1, message: null },
      ]);
      const row = await rowOf(store, task);
      expect(row.progress).toBe(0.4);
      expect(row.progressMessage).toMatch(/^half\0way 😀/);
      await store.managers.progress([{ ...key, leaseId: newId(), progress: 0.9, message: "stale" }]);
      await store.managers.progress([{ ...key, leaseId: grant.leaseId, progress: Number.NaN, message: null }]);
      expect(await rowOf(store, task)).toMatchObject({ progress: 0, progressMessage: null });
    });

    it("keeps a response's log in order, each line once, byte for byte", async () => {
      const { store } = subject();
      const task = newTask({ endpoints: ["lb-1", "lb-2"] });
      await store.tasks.create([task]);
      const key = { taskId: task.id, endpoint: "lb-1", job: "" };
      const texts = ["one", "two\0\u2028😀\r\n", "three"];
      await store.managers.log(texts.map((text) => ({ ...key, attempt: 1, text })));
      await store.managers.log([
        { ...key, endpoint: "lb-2", attempt: 1, text: "elsewhere" },
        { ...key, attempt: 2, text: "four" },
      ]);
      const log = await store.tasks.log(key, 0, 10);
      expect(log.map((chunk) => chunk.text)).toEqual([...texts, "four"]);
      expect((await store.tasks.log(key, log[1]!.seq, 1)).map((chunk) => chunk.text)).toEqual(["three"]);
    });

    it("tells of each lease whether it is held, to be cancelled or lost", async () => {
      const { store } = subject();
      const tasks = [await createdTask(store), await createdTask(store), await createdTask(store)];
      const grants = [];
      for (const { id } of tasks) grants.push(await claimed(store, id));
      await store.tasks.cancel(tasks[1]!.id);
      await store.managers.finish([endOf(grants[2]!)]);
      const leases = [...grants, { ...grants[0]!, leaseId: newId() }, { ...grants[0]!, taskId: newId() }];
      expect(await store.managers.check(leases)).toEqual(["held", "cancel", "lost", "lost", "lost"]);
    });
  });
}
