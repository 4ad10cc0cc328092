import { newId } from "../../../src/model/ids";
import type { NewTask } from "../../../src/model/task";
import type { AttemptEnd, Claim, ClaimRequest, ClaimResult } from "../../../src/store/store";
import type { Subject } from "../contract";
import { createdTask, endOf, type Granted, living, registration, rowOf } from "../support";

const RECORDED = { kind: "recorded" };

/** What the task's message tells of its row at the endpoint. */
function knowing(task: NewTask, endpoint: string, version = 1): Claim {
  const known = { version, attempt: version - 1, attempts: 3, generation: 1, timeoutMs: 60_000 };
  return {
    ...{ taskId: task.id, job: "", type: task.type, generation: 1, endpoint },
    known: { ...known, identifier: task.identifier, payload: task.payload, traceparent: null },
  };
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `lb-${100 + i}`);

function answersOf(result: ClaimResult | undefined) {
  if (result === undefined || "lost" in result) throw new Error("lost");
  return result.answers;
}

const grantsOf = (results: readonly ClaimResult[]): Granted[] => results.flatMap(answersOf) as Granted[];

export function recorderContract(subject: () => Subject): void {
  /** A living manager at each endpoint, which claims these tasks. */
  async function requestsOf(
    tasks: readonly NewTask[],
    endpoints: readonly string[],
    slot = "0",
  ): Promise<ClaimRequest[]> {
    const managers = await Promise.all(endpoints.map((endpoint) => living(subject().store, { endpoint, slot })));
    return endpoints.map((endpoint, i) => ({
      ...{ managerId: managers[i]!, endpoint },
      claims: tasks.map((task) => knowing(task, endpoint)),
    }));
  }

  /** A task to so many endpoints, claimed by all of them. */
  async function runningEverywhere(count: number): Promise<{ task: NewTask; grants: Granted[] }> {
    const endpoints = names(count);
    const task = await createdTask(subject().store, { endpoints });
    return { task, grants: grantsOf(await subject().store.recorder.claimAll(await requestsOf([task], endpoints))) };
  }

  describe("claims of several managers in one call", () => {
    it("are granted as each would be by itself, in the order given", async () => {
      const { store } = subject();
      const endpoints = names(3);
      const tasks = [await createdTask(store, { endpoints }), await createdTask(store, { endpoints })];
      const requests = await requestsOf(tasks, endpoints);
      const results = await store.recorder.claimAll(requests);
      for (const [i, { endpoint, managerId }] of requests.entries()) {
        for (const [k, task] of tasks.entries()) {
          const { leaseId, ...answer } = answersOf(results[i])[k] as Granted;
          expect(answer).toEqual({
            ...{ granted: true, taskId: task.id, type: task.type, identifier: task.identifier, job: "" },
            ...{ endpoint, performer: endpoint, attempt: 1, attempts: 3, generation: 1, timeoutMs: 60_000 },
            ...{ payload: task.payload, traceparent: null },
          });
          const running = { status: "running", attempt: 1, version: 2, performer: endpoint, managerId, leaseId };
          expect(await rowOf(store, task, endpoint)).toMatchObject(running);
        }
      }
    });

    it("fail nobody else's where one was retired: it is lost, and its row stays free", async () => {
      const { store } = subject();
      const endpoints = names(3);
      const task = await createdTask(store, { endpoints });
      const requests = await requestsOf([task], endpoints);
      await store.managers.leave(requests[1]!.managerId);
      const results = await store.recorder.claimAll(requests);
      expect(results).toMatchObject([
        { answers: [{ granted: true, endpoint: endpoints[0] }] },
        { lost: true },
        { answers: [{ granted: true, endpoint: endpoints[2] }] },
      ]);
      expect(await rowOf(store, task, endpoints[1])).toMatchObject({ status: "expected", attempt: 0, leaseId: null });
    });

    it("that know an older row are granted what the row says now, or refused by themselves", async () => {
      const { store } = subject();
      const endpoints = names(4);
      const task = await createdTask(store, { endpoints });
      const requests = await requestsOf([task], endpoints);
      const early = grantsOf(await store.recorder.claimAll(requests.slice(0, 2)));
      const [retried, done] = early as [Granted, Granted];
      await store.recorder.finish([endOf(retried, { status: "retrying", retryInMs: 0, result: null }), endOf(done)]);
      await store.managers.received(endpoints[2]!, [{ taskId: task.id, job: "" }]);
      const results = await store.recorder.claimAll(requests);
      expect(results.map((result) => answersOf(result)[0])).toMatchObject([
        { granted: true, attempt: 2, payload: task.payload },
        { granted: false, why: "final" },
        { granted: true, attempt: 1 },
        { granted: true, attempt: 1 },
      ]);
      for (const [i, attempt] of [2, 1, 1, 1].entries())
        expect(await rowOf(store, task, endpoints[i])).toMatchObject({ attempt });
    });

    it("give a response to one of the managers of its endpoint, and a task for anybody to one of all", async () => {
      const { store } = subject();
      const endpoints = names(2);
      const task = await createdTask(store, { endpoints });
      const anybody = await createdTask(store, { deliver: "one", endpoints: ["*"] });
      const requests = [...(await requestsOf([task], endpoints)), ...(await requestsOf([task], endpoints, "1"))].map(
        ({ claims, ...more }) => ({ ...more, claims: [...claims, knowing(anybody, "*")] }),
      );
      const results = await store.recorder.claimAll(requests);
      const granted = results.map((result) => answersOf(result).map((answer) => answer.granted));
      expect(granted.map(([own]) => own)).toEqual([true, true, false, false]);
      expect(granted.filter(([, any]) => any)).toHaveLength(1);
      expect(results.map((result) => answersOf(result)[1])).toContainEqual({
        ...{ granted: false, taskId: anybody.id, job: "", why: "held" },
      });
      for (const [i, endpoint] of endpoints.entries())
        expect(await rowOf(store, task, endpoint)).toMatchObject({ managerId: requests[i]!.managerId, attempt: 1 });
    });

    it("keep their own leases, known or not, and are granted the same when they are repeated", async () => {
      const { store } = subject();
      const endpoints = names(4);
      const task = await createdTask(store, { endpoints });
      const requests = (await requestsOf([task], endpoints)).map(({ claims, ...more }, i) => {
        const own = { ...claims[0]!, leaseId: newId(), attempt: 1 };
        return { ...more, claims: [i % 2 === 0 ? own : { ...own, known: null }] };
      });
      for (let times = 1; times <= 2; times++) {
        const grants = grantsOf(await store.recorder.claimAll(requests));
        expect(grants).toMatchObject(
          requests.map(({ claims, endpoint }) => ({
            granted: true,
            endpoint,
            attempt: 1,
            leaseId: claims[0]!.leaseId,
          })),
        );
      }
      for (const { endpoint, managerId } of requests)
        expect(await rowOf(store, task, endpoint)).toMatchObject({ attempt: 1, managerId });
    });

    it("that can stand in no row are refused by themselves", async () => {
      const { store } = subject();
      const endpoints = names(2);
      const task = await createdTask(store, { endpoints });
      const [first, second] = (await requestsOf([task], endpoints)) as [ClaimRequest, ClaimRequest];
      const claim = second.claims[0]!;
      const odd = [
        { ...claim, taskId: "no id" },
        { ...claim, job: "é" },
        { ...claim, type: "é" },
        { ...claim, leaseId: "é" },
        { ...claim, endpoint: first.endpoint },
        { ...claim, generation: Number.NaN, known: null },
        { ...claim, known: { ...claim.known!, version: 0.5 } },
      ];
      const results = await store.recorder.claimAll([
        { ...second, claims: odd },
        first,
        { ...second, managerId: "é" },
        { ...second, claims: [] },
      ]);
      expect(answersOf(results[0])).toEqual(
        odd.map(({ taskId, job }) => ({ granted: false, taskId, job, why: "unknown" })),
      );
      expect(results.slice(1)).toMatchObject([{ answers: [{ granted: true }] }, { lost: true }, { answers: [] }]);
    });
  });

  describe("ends of many endpoints of one task", () => {
    it("that are alike are recorded, and repeated are recorded and change nothing", async () => {
      const { store } = subject();
      const { task, grants } = await runningEverywhere(50);
      const ends = grants.map((grant) => endOf(grant));
      for (let times = 1; times <= 2; times++) {
        expect(await store.recorder.finish(ends)).toEqual(ends.map(() => RECORDED));
        const rows = (await store.tasks.find(task.type, task.id))!.responses;
        for (const row of rows)
          expect(row).toMatchObject({ status: "succeeded", result: '{"done":true}', progress: 1, version: 3 });
      }
    });

    it("that differ are each recorded in its way, and one that is not ours harms none", async () => {
      const { store } = subject();
      const { task, grants } = await runningEverywhere(50);
      const ends = grants.map((grant, i): AttemptEnd => {
        if (i % 10 === 1)
          return endOf(grant, { status: "failed", reason: "exit_code", error: `no ${i}`, result: null });
        if (i % 10 === 2) return endOf(grant, { status: "retrying", retryInMs: 1000 * i, error: `${i}`, result: null });
        if (i % 10 === 3) return endOf(grant, { status: "received", result: null });
        return endOf(grant, { result: `${i}` });
      });
      const lost = [7, 22];
      for (const i of lost) ends[i] = { ...ends[i]!, leaseId: newId() };
      ends[8] = { ...ends[8]!, leaseId: "é" };
      ends[9] = { ...ends[9]!, status: "retrying", retryInMs: Number.NaN };
      const kinds = ends.map((_, i) => (lost.includes(i) ? "superseded" : i === 8 || i === 9 ? "refused" : "recorded"));
      const mixed = [...ends].reverse();
      expect((await store.recorder.finish(mixed)).map(({ kind }) => kind)).toEqual([...kinds].reverse());
      const rows = (await store.tasks.find(task.type, task.id))!.responses;
      for (const [i, { status, error, result }] of ends.entries()) {
        if (kinds[i] !== "recorded") expect(rows[i]).toMatchObject({ status: "running", result: null });
        else expect(rows[i]).toMatchObject({ status, error, result, attempt: status === "received" ? 0 : 1 });
        if (status === "retrying" && kinds[i] === "recorded")
          expect(Date.parse(rows[i]!.retryAt!) - Date.parse(rows[2]!.retryAt!)).toBe(1000 * (i - 2));
      }
      const outcomes = async (i: number) => store.tasks.attempts(task.id, grants[i]!.endpoint);
      expect(await outcomes(7)).toMatchObject([{ outcome: "superseded", result: "7" }]);
      expect(await outcomes(12)).toMatchObject([{ outcome: "failed", error: "12", performer: grants[12]!.endpoint }]);
      expect(await outcomes(13)).toMatchObject([{ outcome: "released", leaseId: grants[13]!.leaseId }]);
      const again = ends.filter((_, i) => kinds[i] === "recorded");
      expect(await store.recorder.finish(again)).toEqual(again.map(() => RECORDED));
      expect((await store.tasks.find(task.type, task.id))!.responses).toEqual(rows);
    });

    it("under another endpoint's lease are superseded", async () => {
      const { store } = subject();
      const endpoints = names(3);
      const task = await createdTask(store, { endpoints });
      const requests = await requestsOf([task], endpoints);
      const grants = grantsOf(await store.recorder.claimAll(requests.slice(0, 2)));
      grants.push(...grantsOf(await store.recorder.claimAll(requests.slice(2))));
      const [one, two, three] = grants as [Granted, Granted, Granted];
      const ends = [endOf({ ...one, leaseId: three.leaseId }), endOf(two), endOf({ ...three, leaseId: one.leaseId })];
      expect((await store.recorder.finish(ends)).map(({ kind }) => kind)).toEqual([
        ...["superseded", "recorded", "superseded"],
      ]);
      expect(await store.recorder.finish(grants.map((grant) => endOf(grant)))).toEqual(grants.map(() => RECORDED));
    });

    it("that bring their claims along name each its manager, lease and time", async () => {
      const { store } = subject();
      const endpoints = names(50);
      const task = await createdTask(store, { endpoints });
      const [stale, foreign] = endpoints as [string, string];
      await store.tasks.cancel(task.id, [stale]);
      const ends = endpoints.map((endpoint, i): AttemptEnd => {
        const claim = { managerId: newId(), performer: endpoint, type: task.type, ranMs: 1000 + i };
        return {
          ...{ taskId: task.id, endpoint, job: "", leaseId: newId(), generation: 1, attempt: 1, claim },
          ...{ status: "succeeded", reason: null, error: null, result: '"same"', resultText: null },
        };
      });
      ends[1]!.claim = { ...ends[1]!.claim!, type: "another" };
      const kinds = ends.map((_, i) => ({ kind: i < 2 ? "superseded" : "recorded" }));
      for (let times = 1; times <= 2; times++) expect(await store.recorder.finish(ends)).toEqual(kinds);
      for (const [i, { endpoint, leaseId, claim }] of ends.entries()) {
        if (i < 2) continue;
        const row = await rowOf(store, task, endpoint);
        const { managerId } = claim!;
        expect(row).toMatchObject({ status: "succeeded", attempt: 1, leaseId, managerId, performer: endpoint });
        expect(Date.parse(row.finishedAt!) - Date.parse(row.startedAt!)).toBe(1000 + i);
      }
      expect(await rowOf(store, task, stale)).toMatchObject({ status: "cancelled", attempt: 0 });
      expect(await rowOf(store, task, foreign)).toMatchObject({ status: "expected", attempt: 0 });
    });
  });

  describe("other reports of many endpoints in one call", () => {
    it("mark what waits, show progress, and find each lease", async () => {
      const { store } = subject();
      const endpoints = names(5);
      const task = await createdTask(store, { endpoints });
      const waiting = endpoints.map((endpoint) => ({ endpoint, tasks: [{ taskId: task.id, job: "", generation: 1 }] }));
      await store.recorder.received([{ endpoint: "é", tasks: waiting[0]!.tasks }, ...waiting]);
      for (const endpoint of endpoints)
        expect(await rowOf(store, task, endpoint)).toMatchObject({ status: "received" });
      const grants = grantsOf(await store.recorder.claimAll(await requestsOf([task], endpoints)));
      const late = { ...grants[0]!, leaseId: newId() };
      await store.managers.progress(
        [late, ...grants, late].map((lease, i) => ({ ...lease, progress: i / 10, message: `at ${i}` })),
      );
      for (const [i, endpoint] of endpoints.entries())
        expect(await rowOf(store, task, endpoint)).toMatchObject({
          ...{ progress: (i + 1) / 10, progressMessage: `at ${i + 1}` },
        });
      await store.managers.confirm([...grants, late].map((lease, i) => ({ ...lease, leftMs: 1000 * i })));
      await store.managers.underWay([...grants, late]);
      expect(await store.managers.check([late, ...grants])).toEqual(["lost", ...grants.map(() => "held")]);
      const rows = await subject().sql(
        "SELECT timeout_at, version FROM task_responses WHERE task_id = ? ORDER BY endpoint",
        [task.id],
      );
      const times = rows.map((row) => Date.parse(`${String(row.timeout_at).replace(" ", "T")}Z`));
      expect(times.map((time) => time - times[0]!)).toEqual(endpoints.map((_, i) => 1000 * i));
    });

    it("keep the heartbeats of the known, and tell which are unknown", async () => {
      const { store } = subject();
      const managers = [registration(), registration(), registration()];
      for (const manager of managers) await store.managers.register(manager);
      const [one, two, gone] = managers.map(({ id }) => id) as [string, string, string];
      await store.managers.leave(gone);
      const beat = (managerId: string, running: number, draining = false) => ({ managerId, running, draining });
      const beats = [beat(one, 1), beat(newId(), 2), beat(two, 3, true), beat(gone, 4), beat("é", 5), beat(one, 6)];
      expect(await store.recorder.heartbeats(beats)).toEqual([true, false, true, false, false, true]);
      expect(await store.recorder.heartbeats([beat(gone, 1)])).toEqual([false]);
      expect(await store.recorder.heartbeats([])).toEqual([]);
      const found = await Promise.all(managers.map(({ endpoint }) => store.tasks.endpoint(endpoint)));
      expect(found.map((endpoint) => endpoint!.managers[0])).toMatchObject([
        { state: "alive", running: 6 },
        { state: "draining", running: 3 },
        { state: "stopped", running: 0 },
      ]);
    });
  });
}
