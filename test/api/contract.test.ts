import { newId } from "../../src/model/ids";
import { until } from "../support/until";
import { type Body, startTestApi, type TestApi } from "./support";

let t: TestApi;
beforeAll(async () => {
  t = await startTestApi();
});
afterAll(() => t?.stop());

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const UUID = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);

describe("POST /:taskType", () => {
  test("answers 202 with the whole task and where to find it", async () => {
    const answer = await t.call("POST", "/app-update", {
      identifier: "deploy 42 ☃",
      payload: { foo: "bar" },
      endpoints: ["loadbalancer-1", "loadbalancer-2"],
    });
    expect(answer.status).toBe(202);
    const expected = (endpoint: string) => ({
      endpoint,
      job: null,
      status: "expected",
      reason: null,
      attempt: 0,
      attempts: 3,
      progress: 0,
      result: null,
      result_text: null,
      error: null,
      late: false,
      received_at: null,
      started_at: null,
      finished_at: null,
      retry_at: null,
    });
    const task = {
      id: UUID,
      type: "app-update",
      identifier: "deploy 42 ☃",
      payload: { foo: "bar" },
      endpoints: ["loadbalancer-1", "loadbalancer-2"],
      status: "pending",
      settled: false,
      progress: 0,
      created_at: TIME,
      delay_until: null,
      published_at: null,
      started_at: null,
      finished_at: null,
      completeness: {
        expected: 2,
        received: 0,
        running: 0,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
        missing: ["loadbalancer-1", "loadbalancer-2"],
        complete: false,
      },
      responses: [expected("loadbalancer-1"), expected("loadbalancer-2")],
    };
    expect(answer.body).toEqual(task);
    expect(Object.keys(answer.body)).toEqual(Object.keys(task));
    expect(answer.headers.get("location")).toBe(`/app-update/${answer.body.id}`);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("private, no-cache");
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(answer.headers.get("x-powered-by")).toBeNull();
    expect(answer.headers.get("x-request-id")).toMatch(/^[\w-]+$/);
  });

  test("answers a repetition with the same task, and another body with 409", async () => {
    const identifier = newId();
    const first = await t.call("POST", "/app-update", { identifier, payload: { a: 1, b: 2 } });
    const again = await t.call("POST", "/app-update", `{"payload":{"b":2,"a":1},"identifier":"${identifier}"}`);
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const other = await t.call("POST", "/app-update", { identifier, payload: { a: 2 } });
    expect([other.status, other.body.code]).toEqual([409, "identifier_conflict"]);
    expect(other.headers.get("location")).toBe(`/app-update/${first.body.id}`);
  });

  test("takes every registered endpoint where none is named", async () => {
    expect((await t.create()).endpoints).toEqual(expect.arrayContaining(["db1", "db2"]));
  });

  test("keeps numbers that JavaScript cannot hold, in payload and result", async () => {
    const text = '{"n":9007199254740993,"x":1.10}';
    const answer = await t.call("POST", "/app-update", `{"identifier":"${newId()}","payload":${text}}`);
    expect(answer.text).toContain(`"payload":${text}`);
    await t.perform(answer.body, "db1", { result: '{"big":12345678901234567890}' });
    const read = await t.call("GET", `/app-update/${answer.body.id}`);
    expect(read.text).toContain(`"payload":${text}`);
    expect(read.text).toContain('"result":{"big":12345678901234567890}');
  });

  test("with wait answers 200 when the task has settled meanwhile, else 202", async () => {
    const request = { identifier: newId(), endpoints: ["db1"] };
    const waiting = t.call("POST", "/app-update", request, { prefer: "wait=20" });
    const task = await findByIdentifier(request.identifier);
    await t.perform(task, "db1");
    const answer = await waiting;
    expect([answer.status, answer.body.status]).toEqual([200, "succeeded"]);
    expect(answer.headers.get("preference-applied")).toBe("wait=20");
    const unsettled = await t.call("POST", "/app-update?wait=0.05", { identifier: newId() });
    expect([unsettled.status, unsettled.body.settled]).toEqual([202, false]);
  });
});

async function findByIdentifier(identifier: string): Promise<Body> {
  return until("the task", async () => (await t.call("GET", `/tasks?identifier=${identifier}`)).body.items[0]);
}

describe("GET /:taskType/:id", () => {
  test("tells what each endpoint has done, and the numbers add up", async () => {
    const task = await t.create("app-update", { endpoints: ["db1", "db2", "never"] });
    await t.perform(task, "db1", { result: '{"version":"2.1"}' });
    await t.perform(task, "db2", { status: "failed", reason: "error", error: "no space" });
    const { status, body } = await t.call("GET", `/app-update/${task.id}`);
    expect(status).toBe(200);
    expect(body.completeness).toEqual({
      expected: 3,
      received: 2,
      running: 0,
      succeeded: 1,
      failed: 1,
      cancelled: 0,
      missing: ["never"],
      complete: false,
    });
    expect(body.responses[0]).toEqual(
      expect.objectContaining({
        endpoint: "db1",
        status: "succeeded",
        attempt: 1,
        progress: 1,
        result: { version: "2.1" },
        late: false,
        received_at: TIME,
        started_at: TIME,
        finished_at: TIME,
      }),
    );
    expect(body.responses[1]).toEqual(
      expect.objectContaining({ endpoint: "db2", status: "failed", reason: "error", error: "no space" }),
    );
    expect(body.settled).toBe(false);
  });

  test("answers 304 while nothing has changed, and anew when something has", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    await t.perform(task, "db1", null);
    const first = await t.call("GET", `/app-update/${task.id}`);
    const etag = first.headers.get("etag")!;
    const same = await t.call("GET", `/app-update/${task.id}`, undefined, { "if-none-match": `"x", W/${etag}` });
    expect([same.status, same.text, same.headers.get("etag")]).toEqual([304, "", etag]);
    expect(same.headers.get("retry-after")).toBe("1");
    expect((await t.call("GET", `/app-update/${task.id}`, undefined, { "if-none-match": "*" })).status).toBe(304);
    await t.call("POST", `/app-update/${task.id}/cancel`);
    const changed = await t.call("GET", `/app-update/${task.id}`, undefined, { "if-none-match": etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).not.toBe(etag);
  });

  test("with wait is held until the task is settled", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    const waiting = t.call("GET", `/app-update/${task.id}?wait=20`);
    await t.perform(task, "db1");
    const answer = await waiting;
    expect([answer.body.status, answer.body.settled, answer.body.finished_at]).toEqual(["succeeded", true, TIME]);
    expect(answer.headers.get("retry-after")).toBeNull();
  });

  test("with wait and If-None-Match is held until anything changes", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    const etag = (await t.call("GET", `/app-update/${task.id}`)).headers.get("etag")!;
    const nothing = await t.call("GET", `/app-update/${task.id}?wait=0.05`, undefined, { "if-none-match": etag });
    // Being published is a change too; then the answer has come early, and is no 304.
    expect([200, 304]).toContain(nothing.status);
    const now = (await t.call("GET", `/app-update/${task.id}`)).headers.get("etag")!;
    const waiting = t.call("GET", `/app-update/${task.id}?wait=20`, undefined, { "if-none-match": now });
    await t.perform(task, "db1", null);
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.headers.get("etag")).not.toBe(now);
  });

  test("answers HEAD as GET, without a body", async () => {
    const task = await t.create();
    const answer = await t.call("HEAD", `/app-update/${task.id}`);
    expect([answer.status, answer.text]).toEqual([200, ""]);
    expect(answer.headers.get("etag")).toBeTruthy();
    expect(Number(answer.headers.get("content-length"))).toBeGreaterThan(100);
  });

  test("names nobody in a `deliver: one` task until somebody has taken it", async () => {
    const task = await t.create("fetch");
    expect(task.endpoints).toEqual(["*"]);
    expect(task.responses[0].endpoint).toBeNull();
    expect(task.completeness).toEqual(expect.objectContaining({ expected: 1, missing: ["*"] }));
    await t.perform(task, "db1", { result: "[1]" });
    const { body } = await t.call("GET", `/fetch/${task.id}`);
    expect([body.responses[0].endpoint, body.responses[0].result]).toEqual(["db1", [1]]);
    expect(body.completeness).toEqual(expect.objectContaining({ succeeded: 1, missing: [], complete: true }));
    expect((await t.call("GET", `/fetch/${task.id}/responses/db1`)).body.endpoint).toBe("db1");
  });

  test("with more than 100 responses carries those that have not succeeded, and a link", async () => {
    const endpoints = Array.from({ length: 130 }, (_, i) => `e${String(i).padStart(3, "0")}`);
    const task = await t.create("app-update", { endpoints });
    await t.perform(task, "e000");
    const answer = await t.call("GET", `/app-update/${task.id}`);
    expect(answer.body.responses).toHaveLength(100);
    expect(answer.body.responses[0].endpoint).toBe("e001");
    expect(answer.body.endpoints).toHaveLength(130);
    expect(answer.body.responses_link).toBe(`/app-update/${task.id}/responses`);
    expect(answer.headers.get("link")).toBe(`</app-update/${task.id}/responses>; rel="responses"`);
    const names: string[] = [];
    for (let path = `${answer.body.responses_link}?limit=60`; path; ) {
      const page = await t.call("GET", path);
      names.push(...page.body.items.map((item: Body) => item.endpoint));
      path = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
      expect(page.body.next === null).toBe(path === "");
    }
    expect(names).toEqual(endpoints);
    const done = await t.call("GET", `/app-update/${task.id}/responses?status=succeeded`);
    expect(done.body.items.map((item: Body) => item.endpoint)).toEqual(["e000"]);
  });
});

describe("POST /:taskType/batch", () => {
  test("answers each in order, standing or falling alone", async () => {
    const identifier = newId();
    const tasks = [
      { identifier },
      { identifier: newId(), nonsense: 1 },
      7,
      { identifier },
      { identifier, payload: { a: 1 } },
    ];
    const { status, body } = await t.call("POST", "/app-update/batch", { tasks });
    expect(status).toBe(200);
    expect(body.results.map((result: Body) => result.status)).toEqual([202, 422, 422, 202, 409]);
    expect(body.results[0].task.id).toBe(body.results[3].task.id);
    expect(body.results[1].problem).toEqual(
      expect.objectContaining({
        code: "invalid_request",
        errors: [{ pointer: "#/nonsense", detail: "is not a known field" }],
      }),
    );
  });

  test("takes at most 1000 and at least one", async () => {
    const many = Array.from({ length: 1001 }, (_, i) => ({ identifier: `x${i}` }));
    for (const tasks of [many, []]) {
      expect((await t.call("POST", "/app-update/batch", { tasks })).body.code).toBe("invalid_request");
    }
  });
});

describe("lists", () => {
  test("come newest first in pages that link to each other, without responses", async () => {
    const endpoint = "only-here";
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await t.create("other", { endpoints: [endpoint] })).id);
    const seen: string[] = [];
    for (let path: string | undefined = `/tasks?endpoint=${endpoint}&limit=2`; path; ) {
      const page: Body = await t.call("GET", path);
      expect(page.status).toBe(200);
      expect(page.body.items[0]).not.toHaveProperty("responses");
      expect(page.body.items[0].completeness.missing).toEqual([endpoint]);
      seen.push(...page.body.items.map((item: Body) => item.id));
      path = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
    }
    expect(seen).toEqual(ids);
    expect((await t.call("GET", `/app-update?endpoint=${endpoint}`)).body).toEqual({ items: [], next: null });
    expect((await t.call("GET", `/tasks?type=app-update&endpoint=${endpoint}`)).body.items).toEqual([]);
  });

  test("leave long payloads out and say so", async () => {
    const task = await t.create("other", { payload: { text: "x".repeat(20_000) } });
    const { body } = await t.call("GET", `/other?identifier=${task.identifier}`);
    expect(body.items[0]).toEqual(expect.objectContaining({ id: task.id, payload: null, payload_omitted: true }));
  });

  test("are filtered by identifier, status and time", async () => {
    const task = await t.create("other", { endpoints: ["db1"] });
    await t.perform(task, "db1");
    const found = async (query: string) =>
      (await t.call("GET", `/other?identifier=${task.identifier}&${query}`)).body.items.length;
    expect(await found("")).toBe(1);
    expect(await found(`created_after=${new Date(Date.now() - 60_000).toISOString()}`)).toBe(1);
    expect(await found("created_after=2016-12-31T23:59:60Z")).toBe(1);
    expect(await found("created_after=2020-02-29&created_before=9999-12-31T23:59:59Z")).toBe(1);
    expect(await found(`created_after=${new Date(Date.now() + 60_000).toISOString()}`)).toBe(0);
    expect(await found("status=cancelled,incomplete")).toBe(0);
    expect(await found("endpoint=db1&endpoint_status=succeeded")).toBe(1);
    expect(await found("endpoint=db1&endpoint_status=failed")).toBe(0);
  });

  test("cap the limit", async () => {
    expect((await t.call("GET", "/tasks?limit=1e9")).status).toBe(200);
  });
});

describe("one response", () => {
  test("has the history of its attempts", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    await t.perform(task, "db1", { status: "retrying", retryInMs: 0, reason: "error", error: "first" });
    await t.perform(task, "db1", { result: '"second"' });
    const { status, body } = await t.call("GET", `/app-update/${task.id}/responses/db1`);
    expect(status).toBe(200);
    expect(body).toEqual(
      expect.objectContaining({ endpoint: "db1", status: "succeeded", task_id: task.id, generation: 1 }),
    );
    expect(body.history.map((one: Body) => [one.attempt, one.outcome, one.error, one.result])).toEqual([
      [1, "failed", "first", null],
      [2, "succeeded", null, "second"],
    ]);
  });

  test("of a type with jobs shows each, and what they amount to", async () => {
    const { body: task } = await t.call("POST", "/weekly/start", { payload: { a: 1 } });
    await t.perform(task, "db1", {}, "crawl");
    await t.perform(task, "db1", null, "sync");
    const { body } = await t.call("GET", `/weekly/${task.id}/responses/db1`);
    expect([body.endpoint, body.status, body.jobs.map((job: Body) => [job.job, job.status])]).toEqual([
      "db1",
      "running",
      [
        ["crawl", "succeeded"],
        ["sync", "running"],
      ],
    ]);
    expect((await t.call("GET", `/weekly/${task.id}/responses/db1?job=crawl`)).body.job).toBe("crawl");
    expect((await t.call("GET", `/weekly/${task.id}/responses/db1?job=nope`)).body.code).toBe("endpoint_not_found");
  });

  test("has a log in pages", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    await t.perform(task, "db1", null);
    const key = { taskId: task.id, endpoint: "db1", job: "", attempt: 1 };
    await t.store.managers.log([{ ...key, text: "one\n" }]);
    await t.store.managers.log([{ ...key, text: "two\n" }]);
    const first = await t.call("GET", `/app-update/${task.id}/responses/db1/log?limit=1`);
    expect(first.body.items.map((chunk: Body) => chunk.text)).toEqual(["one\n"]);
    const rest = await t.call("GET", `/app-update/${task.id}/responses/db1/log?after=${first.body.next}`);
    expect([rest.body.items.map((chunk: Body) => chunk.text), rest.body.next]).toEqual([["two\n"], null]);
  });

  test("of somebody who is not expected is not found", async () => {
    const task = await t.create("app-update", { endpoints: ["db1"] });
    for (const name of ["db2", "DB1", "..%2f..%2fx", "%00", "*"]) {
      const answer = await t.call("GET", `/app-update/${task.id}/responses/${name}`);
      expect([name, answer.status, answer.body.code]).toEqual([name, 404, "endpoint_not_found"]);
    }
  });
});

describe("actions", () => {
  test("cancel withdraws what waits, tells what runs to stop, and has nothing to do the second time", async () => {
    const task = await t.create("app-update", { endpoints: ["db1", "db2", "db3"] });
    await t.perform(task, "db1");
    await t.perform(task, "db2", null);
    const { status, body } = await t.call("POST", `/app-update/${task.id}/cancel`);
    expect(status).toBe(202);
    expect(body.outcomes.map((one: Body) => [one.endpoint, one.job, one.outcome])).toEqual([
      ["db1", null, "finished"],
      ["db2", null, "stopping"],
      ["db3", null, "withdrawn"],
    ]);
    expect(body.task.completeness).toEqual(expect.objectContaining({ succeeded: 1, running: 1, cancelled: 1 }));
    const done = await t.create("app-update", { endpoints: ["db1"] });
    await t.perform(done, "db1");
    expect((await t.call("POST", `/app-update/${done.id}/cancel`, {})).status).toBe(200);
  });

  test("cancel with endpoints is done there only, and refuses one that the task does not expect", async () => {
    const task = await t.create("app-update", { endpoints: ["db1", "db2", "db3"] });
    await t.perform(task, "db1", null);
    const unknown = await t.call("POST", `/app-update/${task.id}/cancel`, { endpoints: ["db2", "nobody"] });
    expect([unknown.status, unknown.body.code]).toEqual([404, "endpoint_not_found"]);
    const { status, body } = await t.call("POST", `/app-update/${task.id}/cancel`, { endpoints: ["db2"] });
    expect(status).toBe(202);
    expect(body.outcomes).toEqual([{ endpoint: "db2", job: null, outcome: "withdrawn", status: "cancelled" }]);
    expect(body.task.responses.map((one: Body) => one.status)).toEqual(["running", "cancelled", "expected"]);
    expect(body.task.completeness).toEqual(expect.objectContaining({ running: 1, cancelled: 1, missing: ["db3"] }));
    const again = await t.call("POST", `/app-update/${task.id}/cancel`, { endpoints: ["db2"] });
    expect([again.status, again.body.outcomes[0].outcome]).toEqual([200, "finished"]);
    for (const endpoints of [[], ["db1", "db1"], "db1"]) {
      const refused = await t.call("POST", `/app-update/${task.id}/cancel`, { endpoints });
      expect([refused.status, refused.body.code]).toEqual([422, "invalid_request"]);
    }
  });

  test("retry opens again what failed, leaves alone what runs, and has nothing to do when all is well", async () => {
    const task = await t.create("app-update", { endpoints: ["db1", "db2"] });
    await t.perform(task, "db1", { status: "failed", reason: "error", error: "no" });
    await t.perform(task, "db2");
    const { status, body } = await t.call("POST", `/app-update/${task.id}/retry`, { statuses: ["failed"] });
    expect([status, body.reopened]).toEqual([202, [{ endpoint: "db1", job: null }]]);
    expect(body.task.completeness).toEqual(expect.objectContaining({ succeeded: 1, complete: false }));
    await t.perform(task, "db1", null);
    const running = await t.call("POST", `/app-update/${task.id}/retry`, { endpoints: ["db1"] });
    expect([running.status, running.body.code]).toEqual([409, "illegal_state"]);
    const well = await t.create("app-update", { endpoints: ["db1"] });
    await t.perform(well, "db1");
    const nothing = await t.call("POST", `/app-update/${well.id}/retry`);
    expect([nothing.status, nothing.body.reopened]).toEqual([200, []]);
    const unknown = await t.call("POST", `/app-update/${well.id}/retry`, { endpoints: ["nobody"] });
    expect([unknown.status, unknown.body.code]).toEqual([404, "endpoint_not_found"]);
  });

  test("take no unknown fields", async () => {
    const task = await t.create();
    for (const action of ["cancel", "retry"]) {
      const answer = await t.call("POST", `/app-update/${task.id}/${action}`, { force: true });
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, "#/force"]);
    }
  });
});

describe("single_run types", () => {
  test("start, status and stop", async () => {
    const started = await t.call("POST", "/nightly/start", { payload: { depth: 2 } });
    expect([started.status, started.body.payload]).toEqual([202, { depth: 2 }]);
    const again = await t.call("POST", "/nightly/start");
    expect([again.status, again.body.code]).toEqual([409, "already_running"]);
    expect(again.headers.get("location")).toBe(`/nightly/${started.body.id}`);
    const status = await t.call("GET", "/nightly/status");
    expect([status.status, status.body.id]).toEqual([200, started.body.id]);
    const stopped = await t.call("POST", "/nightly/stop");
    expect([stopped.status, stopped.body.outcomes.length]).toEqual([202, started.body.responses.length]);
    const nothing = await t.call("POST", "/nightly/stop");
    expect([nothing.status, nothing.body]).toEqual([200, { task: null, outcomes: [] }]);
  });

  test("start again as soon as the run before has ended, whoever has noticed that", async () => {
    const t = await startTestApi();
    const first = await t.call("POST", "/old/start");
    await t.perform(first.body, "db1");
    const next = await t.call("POST", "/old/start");
    expect([next.status, next.body.id === first.body.id]).toEqual([202, false]);
    expect((await t.call("POST", "/old/start")).body.code).toBe("already_running");
    await t.stop();
  });

  test("take GET only where the type says so; the parameters are the payload", async () => {
    expect((await t.call("GET", "/old/status")).body.code).toBe("task_not_found");
    const started = await t.call("GET", "/old/start?depth=2&key=whatever");
    expect([started.status, started.body.payload]).toEqual([202, { depth: "2" }]);
    expect((await t.call("GET", "/old/stop")).status).toBe(202);
    for (const path of ["/nightly/start", "/nightly/stop", "/app-update/start"]) {
      expect([path, (await t.call("GET", path)).body.code]).toEqual([path, "route_not_found"]);
    }
  });

  test("other types have none of these", async () => {
    for (const [method, word] of [
      ["POST", "start"],
      ["GET", "status"],
      ["POST", "stop"],
    ] as const) {
      const answer = await t.call(method, `/app-update/${word}`);
      expect([word, answer.status, answer.body.code]).toEqual([word, 404, "route_not_found"]);
    }
  });
});

describe("the rest", () => {
  test("types and endpoints are lists, and can be read one by one", async () => {
    const types = await t.call("GET", "/types");
    expect(types.body.next).toBeNull();
    expect(types.body.items.map((type: Body) => type.name)).toContain("app-update");
    const type = await t.call("GET", "/types/fetch");
    expect(type.body).toEqual(
      expect.objectContaining({ name: "fetch", deliver: "one", registered: expect.arrayContaining(["db1"]) }),
    );
    expect((await t.call("GET", "/types/nope")).body.code).toBe("unknown_task_type");
    await t.perform(await t.create("app-update", { endpoints: ["db1"] }), "db1");
    const endpoint = await t.call("GET", "/endpoints/db1");
    expect(endpoint.body).toEqual(expect.objectContaining({ name: "db1", alive: true, last_seen_at: TIME }));
    expect(endpoint.body.managers[0]).toEqual(expect.objectContaining({ host: "testhost", version: "0.0.0" }));
    expect((await t.call("GET", "/endpoints")).body.items.map((one: Body) => one.name)).toContain("db1");
    expect((await t.call("GET", "/endpoints/nobody")).body.code).toBe("endpoint_not_found");
  });

  test("health and metrics", async () => {
    expect((await t.call("GET", "/livez")).status).toBe(200);
    const ready = await t.call("GET", "/readyz");
    expect([ready.status, ready.body.ready]).toEqual([200, true]);
    expect(ready.body.checks).toMatchObject({
      database: { ok: true },
      broker: { ok: true, connected: true, blocked: false },
      outbox: {
        ok: true,
        unpublished: expect.any(Number),
        limit: 100_000,
        oldest_seconds: expect.any(Number),
        alarm_seconds: 60,
      },
      waiting: { ok: true, oldest_seconds: expect.any(Number), alarm_seconds: 900, alarm: false },
      reconciler: { ok: true, leading: true, lag_ms: expect.any(Number), limit_ms: 15_000 },
    });
    const metrics = await t.call("GET", "/metrics");
    expect(metrics.headers.get("content-type")).toContain("text/plain");
    for (const name of [
      'tasker_http_request_duration_seconds_count{method="POST",route="/:taskType",code="202"}',
      'tasker_tasks_created_total{type="app-update"}',
      "tasker_outbox_pending",
      "tasker_ready 1",
      "process_cpu_seconds_total",
    ]) {
      expect(metrics.text).toContain(name);
    }
  });

  test("a request id is kept where it is decent, and problems carry it with the trace", async () => {
    const kept = await t.call("GET", "/nope", undefined, {
      "x-request-id": "abc-1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    expect(kept.headers.get("x-request-id")).toBe("abc-1");
    expect(kept.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect(kept.body).toEqual({
      type: "/docs/problems#unknown_task_type",
      title: expect.any(String),
      status: 404,
      detail: expect.any(String),
      instance: "/nope",
      code: "unknown_task_type",
      request_id: "abc-1",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
    });
    expect(
      (await t.call("GET", "/nope", undefined, { "x-request-id": "a b<script>" })).headers.get("x-request-id"),
    ).not.toContain("script");
  });

  test.each([
    ["GET", "/"],
    ["GET", "/docs/nothing"],
    ["POST", "/tasks"],
    ["GET", "/tasks/x"],
    ["PUT", "/app-update"],
    ["DELETE", "/app-update/0191c1c0-0000-7000-8000-000000000000"],
    ["OPTIONS", "/app-update"],
    ["GET", "/app-update/a/b/c/d/e/f"],
    ["GET", "/%zz"],
    ["POST", "/app-update/0191c1c0-0000-7000-8000-000000000000"],
  ])("%s %s is nowhere", async (method, path) => {
    const answer = await t.call(method, path);
    expect([answer.status, answer.body.code]).toEqual([404, "route_not_found"]);
  });

  test("changes leave a trail: who, what, from where", async () => {
    const task = await t.create();
    await t.call("POST", `/app-update/${task.id}/cancel`);
    const row = await until("the cancel in the trail", async () =>
      (await t.store.access.auditList(100)).find((one) => one.action === "task.cancel" && one.taskId === task.id),
    );
    const trail = await t.store.access.auditList(100);
    expect(row).toEqual(expect.objectContaining({ actor: null, type: "app-update", remote: "127.0.0.1", at: TIME }));
    expect(trail.some((one) => one.action === "task.create" && JSON.stringify(one).includes(task.id))).toBe(true);
  });
});
