import type { HandleTask } from "../src/model/handler";
import { until } from "./support/until";
import { ALL_MODES, type TestSystem, world } from "./support/world";

/** Who ran what: written by the handlers themselves, so that the database is not its own witness. */
const journal: Array<{ id: string; at: string }> = [];
const note: HandleTask = async (payload, context) => {
  journal.push({ id: context.taskId, at: context.endpoint });
  if (payload.fail) throw new Error("told to fail");
  return { at: context.endpoint, got: payload };
};
const ranAt = (id: string) =>
  journal
    .filter((entry) => entry.id === id)
    .map((entry) => entry.at)
    .sort();

describe.each(ALL_MODES)("the path of a task, %s", (mode) => {
  let w: TestSystem;

  beforeAll(async () => {
    w = await world(mode, {
      types: {
        note: { wait_for_endpoints_timeout: "1s", attempts: 2, backoff: { first: "50ms", factor: 2, max: "1s" } },
        pick: { deliver: "one" },
        brief: { keep: "1s" },
      },
      functions: { note, pick: note, brief: note },
    });
    await Promise.all(["a", "b", "c"].map((endpoint) => w.manager(endpoint)));
  });
  afterAll(() => w.close());

  test("without a list it runs once on every registered endpoint and comes back complete", async () => {
    const task = await w.submit("note", { identifier: "all", payload: { foo: "bar" } });
    expect(task.endpoints).toEqual(["a", "b", "c"]);
    expect(task.completeness).toMatchObject({ expected: 3, missing: ["a", "b", "c"], complete: false });
    const done = await w.settled(task);
    expect(done).toMatchObject({
      id: task.id,
      type: "note",
      identifier: "all",
      payload: { foo: "bar" },
      status: "succeeded",
      settled: true,
      progress: 1,
      completeness: { expected: 3, received: 3, running: 0, succeeded: 3, failed: 0, missing: [], complete: true },
    });
    expect(done.responses.map((r: { endpoint: string; result: object }) => [r.endpoint, r.result])).toEqual(
      ["a", "b", "c"].map((at) => [at, { at, got: { foo: "bar" } }]),
    );
    expect(done.finished_at >= done.started_at && done.started_at >= done.created_at).toBe(true);
    expect(ranAt(task.id)).toEqual(["a", "b", "c"]);
  });

  test("with a list it runs on exactly those and nowhere else", async () => {
    const task = await w.submit("note", { identifier: "listed", endpoints: ["c", "a"] });
    const done = await w.settled(task);
    expect(done.status).toBe("succeeded");
    expect(done.completeness.expected).toBe(2);
    expect(ranAt(task.id)).toEqual(["a", "c"]);
  });

  test("of a deliver-one type one endpoint performs it, and the answer says which", async () => {
    const tasks = await Promise.all(
      Array.from({ length: 12 }, (_, i) => w.submit("pick", { identifier: `pick-${i}`, payload: { i } })),
    );
    for (const task of tasks) {
      expect(task.completeness).toMatchObject({ expected: 1, missing: ["*"] });
      const done = await w.settled(task);
      expect(done.status).toBe("succeeded");
      expect(ranAt(task.id)).toEqual([done.responses[0].endpoint]);
    }
    expect((await w.post("/pick", { identifier: "x", endpoints: ["a"] })).status).toBe(422);
  });

  test("a failed attempt is retried, and a failure for good names its endpoint and reason", async () => {
    const task = await w.submit("note", { identifier: "failing", payload: { fail: true }, endpoints: ["a", "b"] });
    const done = await w.settled(task);
    expect(done.status).toBe("failed");
    expect(done.completeness).toMatchObject({ failed: 2, succeeded: 0, complete: true });
    for (const response of done.responses) {
      expect(response).toMatchObject({ status: "failed", reason: "error", attempt: 2, attempts: 2 });
      expect(response.error).toContain("told to fail");
    }
    expect(ranAt(task.id)).toEqual(["a", "a", "b", "b"]);
    const detail = (await w.get(`/note/${task.id}/responses/a`)).body;
    expect(JSON.stringify(detail)).toContain("told to fail");
  });

  test("the same request again is the same task, run once; another body under its identifier is refused", async () => {
    const request = { identifier: "twice", payload: { n: 1 }, endpoints: ["a"] };
    const answers = await Promise.all(Array.from({ length: 10 }, () => w.post("/note", request)));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.every((answer) => answer.status === 202)).toBe(true);
    const replayed = answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true");
    expect(replayed).toHaveLength(9);
    const conflict = await w.post("/note", { ...request, payload: { n: 2 } });
    expect([conflict.status, conflict.body.code]).toEqual([409, "identifier_conflict"]);
    await w.settled(answers[0]!.body);
    expect(ranAt(answers[0]!.body.id)).toEqual(["a"]);
  });

  test.each([
    ["9007199254740992", "9007199254740993", 409],
    ["1e400", "1e401", 409],
    ["1.10", "1.1", 202],
  ])("under one identifier the number %s and then %s is answered with %i", async (first, second, status) => {
    const body = (number: string) => `{"identifier":"number-${first}","payload":{"n":${number}},"endpoints":["a"]}`;
    const stored = await w.post("/note", body(first));
    expect([stored.status, stored.body.replayed]).toEqual([202, undefined]);
    const again = await w.post("/note", body(second));
    expect(again.status).toBe(status);
    if (status === 202) expect(again.body.id).toBe(stored.body.id);
    const batch = await w.post("/note/batch", `{"tasks":[${body(first)},${body(second)}]}`);
    expect(batch.body.results.map((one: { status: number }) => one.status)).toEqual([202, status]);
  });

  test("an endpoint that never connected makes it incomplete and is named; when it connects it still gets the task", async () => {
    const task = await w.submit("note", { identifier: "late", endpoints: ["a", "newcomer"] });
    const incomplete = await w.settled(task);
    expect(incomplete).toMatchObject({ status: "incomplete", settled: true, finished_at: null });
    expect(incomplete.completeness).toMatchObject({
      expected: 2,
      succeeded: 1,
      missing: ["newcomer"],
      complete: false,
    });
    const listed = await until("the list to know it", async () => {
      const { items } = (await w.get("/note?status=incomplete")).body;
      return items.some((item: { id: string }) => item.id === task.id);
    });
    expect(listed).toBe(true);

    const newcomer = await w.manager("newcomer");
    const done = await until("the late answer", async () => {
      const now = await w.settled(task);
      return now.completeness.complete ? now : null;
    });
    expect(done).toMatchObject({ status: "succeeded", completeness: { succeeded: 2, missing: [] } });
    expect(done.responses.find((r: { endpoint: string }) => r.endpoint === "newcomer").late).toBe(true);
    expect(ranAt(task.id)).toEqual(["a", "newcomer"]);
    await newcomer.stop();
  });

  test("a delayed task is scheduled and runs when its time has come", async () => {
    const at = new Date(Date.now() + 1500).toISOString();
    const task = await w.submit("note", { identifier: "later", endpoints: ["a"], delay_until: at });
    expect(task.status).toBe("scheduled");
    const done = await w.settled(task);
    expect(done.status).toBe("succeeded");
    expect(done.started_at >= at).toBe(true);
  });

  test.each([
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500Z"],
  ])("a task delayed until %s, which is past, runs at once", async (given, stored) => {
    const task = await w.submit("note", { identifier: `past-${given}`, endpoints: ["a"], delay_until: given });
    expect(task).toMatchObject({ status: "pending", delay_until: stored });
    const done = await until("its end", async () => {
      const now = await w.settled(task);
      return now.completeness.complete ? now : null;
    });
    expect(done).toMatchObject({ status: "succeeded", delay_until: stored });
  });

  test("a task delayed until a leap second is scheduled for the second after it, until a time that is none it is refused", async () => {
    const task = { endpoints: ["a"], delay_until: "2098-12-31T23:59:60Z" };
    expect(await w.submit("note", { identifier: "leap", ...task })).toMatchObject({
      status: "scheduled",
      delay_until: "2099-01-01T00:00:00.000Z",
    });
    for (const none of ["2030-02-30T00:00:00Z", "2030-01-31T24:00:00Z", "0000-01-01T00:00:00Z"]) {
      const refused = await w.post("/note", { identifier: "never", ...task, delay_until: none });
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, "#/delay_until"]);
    }
  });

  test("a finished task is deleted when its keep time is over, with all that belongs to it", async () => {
    const task = await w.submit("brief", { identifier: "gone-soon", endpoints: ["a"] });
    expect((await w.settled(task)).status).toBe("succeeded");
    const gone = await until("the task to be gone", async () => {
      const answer = await w.get(`/brief/${task.id}`);
      return answer.status === 404 ? answer : null;
    });
    expect(gone.body.code).toBe("task_not_found");
    expect((await w.get(`/brief/${task.id}/responses/a`)).status).toBe(404);
    const again = await w.post("/brief", { identifier: "gone-soon", endpoints: ["a"] });
    expect(again.body.id).not.toBe(task.id);
  });

  test("a stopped manager's tasks wait for it and are done when it is back", async () => {
    const d = await w.manager("d");
    await d.stop();
    const task = await w.submit("note", { identifier: "for-d", endpoints: ["d"] });
    expect((await w.settled(task)).status).toBe("incomplete");
    const again = await w.manager("d");
    await until("d's answer", async () => (await w.settled(task)).status === "succeeded");
    expect(ranAt(task.id)).toEqual(["d"]);
    await again.stop();
  });
});
