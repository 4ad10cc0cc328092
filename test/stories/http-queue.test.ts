import { until } from "../support/until";
import { ALL_MODES, type Body, type TestSystem, world } from "../support/world";
import { fresh, perform, stands, Target } from "./support";

/** A queue of URLs to call, as people knew it from an HTTP job queue in one binary. */
describe.each(ALL_MODES)("an HTTP job queue, %s", (mode) => {
  let w: TestSystem;
  let callers: Array<{ stop(): Promise<void> }>;
  let target: Target;
  /** Nobody may call it. */
  let secret: Target;

  beforeAll(async () => {
    secret = await Target.start((_path, res) => res.end("secret"));
    target = await Target.start((path, res, it) => {
      if (path.startsWith("/ok")) res.setHeader("x-made-by", "target").end("done");
      else if (path === "/large") res.end("x".repeat(5000));
      else if (path === "/redirect") res.writeHead(302, { location: secret.url("/") }).end();
      else if (path === "/circle") res.writeHead(302, { location: "/circle" }).end();
      else if (path === "/created") res.writeHead(201).end();
      else if (path.startsWith("/hold")) it.hold(() => res.end("held"));
      else if (path === "/never") return;
      else if (path === "/continued") {
        res.writeContinue();
        res.writeHead(201).end("done once");
      } else if (path === "/garbled") res.socket!.end("OK done\r\n");
      else if (path === "/busy") res.writeHead(503, { "retry-after": "3" }).end();
      else res.writeHead(500).end("it broke");
    });
    const http = { allow_hosts: [target.host, `${"a".repeat(64)}.internal`, "127.0.0.1:1"], max_body: "1kb" };
    w = await world(mode, {
      types: {
        call: { deliver: "one", http, attempts: 1, concurrency: 8 },
        again: { deliver: "one", http: { ...http, success_statuses: [201] }, attempts: 2, backoff: { first: "10ms" } },
        queue: { deliver: "one", http, attempts: 1, concurrency: 1 },
      },
    });
    callers = await Promise.all([w.manager("caller-1"), w.manager("caller-2")]);
  });
  afterAll(async () => {
    target.letGo();
    await w.close();
    await Promise.all([target.close(), secret.close()]);
  });

  const call = (payload: object, type = "call") => perform(w, type, { identifier: fresh(), payload });

  test("a URL is called with GET; status, headers and body are the result", async () => {
    const response = await call({ url: target.url("/ok") });
    expect(response).toMatchObject({ status: "succeeded", reason: null });
    expect(["caller-1", "caller-2"]).toContain(response.endpoint);
    expect(response.result).toMatchObject({
      status: 200,
      headers: { "x-made-by": "target" },
      body: "done",
      body_truncated: false,
      url: target.url("/ok"),
    });
    expect(target.asked.at(-1)).toMatchObject({ method: "GET", path: "/ok", body: "" });
  });

  test("any method, headers and body are sent as asked for, and a long answer is cut at the limit", async () => {
    await call({ url: target.url("/ok"), method: "PUT", headers: { "X-Order": "7" }, body: { a: [1, "é"] } });
    expect(target.asked.at(-1)).toMatchObject({ method: "PUT", body: '{"a":[1,"é"]}', headers: { "x-order": "7" } });
    const { result } = await call({ url: target.url("/large") });
    expect([result.body.length, result.body_truncated]).toEqual([1024, true]);
  });

  test("another status fails with http_status and keeps the answer; the type says which are good and how often to try", async () => {
    const broken = await call({ url: target.url("/broken") });
    expect(broken).toMatchObject({
      status: "failed",
      reason: "http_status",
      result: { status: 500, body: "it broke" },
    });
    expect(await call({ url: target.url("/created") }, "again")).toMatchObject({ status: "succeeded", attempt: 1 });
    const refused = await call({ url: target.url("/ok") }, "again");
    expect(refused).toMatchObject({ status: "failed", reason: "http_status", attempt: 2, attempts: 2 });
  });

  test("a POST is sent once, also if its answer has an unasked 100 Continue before it or is no HTTP", async () => {
    const post = { method: "POST", body: "pay" };
    const asked = (path: string) => target.asked.filter((one) => one.path === path).length;
    expect(await call({ url: target.url("/continued"), ...post }, "again")).toMatchObject({
      status: "succeeded",
      attempt: 1,
      result: { body: "done once" },
    });
    expect(await call({ url: target.url("/garbled"), ...post }, "again")).toMatchObject({
      status: "failed",
      reason: "invalid_answer",
      attempt: 1,
    });
    expect([asked("/continued"), asked("/garbled")]).toEqual([1, 1]);
    expect(await call({ url: target.url("/garbled") }, "again")).toMatchObject({
      reason: "invalid_answer",
      attempt: 2,
    });
  });

  test("a target that is busy is left alone for as long as it asks", async () => {
    const { body } = await w.post("/again", { identifier: fresh(), payload: { url: target.url("/busy") } });
    const response = await until("the pause before the second attempt", async () => {
      const { items }: Body = (await w.get(`/again/${body.id}/responses`)).body;
      return items.find((one: Body) => one.status === "retrying") ?? null;
    });
    expect(Date.parse(response.retry_at) - Date.parse(response.started_at)).toBeGreaterThanOrEqual(3000);
    await w.settled(body);
  });

  test("what may not, or cannot, be called says why, and nothing is connected to", async () => {
    const reasons: Array<[string, string]> = [
      [secret.url("/"), "host_refused"],
      ["http://unknown.example/", "host_refused"],
      [`http://${"a".repeat(64)}.internal/`, "connection_failed"],
      ["http://127.0.0.1:1/", "connection_failed"],
      [target.url("/redirect"), "host_refused"],
      [target.url("/circle"), "too_many_redirects"],
      ["file:///etc/passwd", "host_refused"],
      ["no url", "invalid_payload"],
    ];
    const found = await Promise.all(reasons.map(async ([url]) => [url, (await call({ url })).reason]));
    expect(found).toEqual(reasons);
    expect(secret.connections).toBe(0);
    const smuggled = await call({ url: target.url("/ok"), headers: { Host: secret.host } });
    expect(smuggled).toMatchObject({ status: "failed", reason: "invalid_payload" });
    const slow = await perform(w, "call", {
      identifier: fresh(),
      payload: { url: target.url("/never") },
      timeout: "200ms",
    });
    expect(slow).toMatchObject({ status: "failed", reason: "timeout" });
  });

  test("lists show what waits, runs, is done and has failed, a page at a time", async () => {
    const batch = await w.post("/call/batch", {
      tasks: [1, 2, 3].map((n) => ({ identifier: `page-${n}`, payload: { url: target.url("/ok") } })),
    });
    expect(batch.body.results.map((result: { status: number }) => result.status)).toEqual([202, 202, 202]);
    for (const { task } of batch.body.results) await w.settled(task);
    const seen = await until("all three in the list", async () => {
      const names: string[] = [];
      let path: string | null = "/call?status=succeeded&limit=2";
      while (path) {
        const { items, next }: Body = (await w.get(path)).body;
        expect(items.length).toBeLessThanOrEqual(2);
        names.push(...items.map((item: { identifier: string }) => item.identifier));
        path = next && `/call?status=succeeded&limit=2&after=${next}`;
      }
      expect(new Set(names).size).toBe(names.length);
      return ["page-1", "page-2", "page-3"].every((name) => names.includes(name));
    });
    expect(seen).toBe(true);
    const failed = await until(
      "the failed ones",
      async () => (await w.get("/call?status=failed")).body.items.length > 0,
    );
    expect(failed).toBe(true);
  });

  test("urgent ones go first; a drain finishes what runs and keeps what waits for the next start", async () => {
    target.holdAgain();
    const holds = [1, 2].map((n) => ({ identifier: fresh(), payload: { url: target.url(`/hold-${n}`) } }));
    const running = await Promise.all(holds.map((request) => w.submit("queue", request)));
    // Each of the two callers has one slot.
    await until("both to be called", () => target.paths().filter((path) => path.startsWith("/hold-")).length === 2);
    const waiting = [];
    for (const priority of [0, 0, 9, 2]) {
      const payload = { url: target.url(`/ok?${mode}-${priority}`) };
      waiting.push(await w.submit("queue", { identifier: fresh(), priority, payload }));
    }
    const before = target.asked.length;
    const stopped = Promise.all(callers.map((caller) => caller.stop()));
    target.letGo();
    await stopped;
    for (const task of running) expect((await w.settled(task)).status).toBe("succeeded");
    for (const task of waiting) expect((await w.get(`/queue/${task.id}`)).body.started_at).toBeNull();
    expect(target.asked.length).toBe(before);

    await w.manager("caller-3");
    for (const task of waiting) await stands(w, task, "it to be done", (now) => now.status === "succeeded");
    expect(target.paths().slice(before)).toEqual([9, 2, 0, 0].map((priority) => `/ok?${mode}-${priority}`));
  });
});

describe.each(ALL_MODES)("an HTTP job queue's keys, %s", (mode) => {
  test("HTTP Basic and API keys open the same door, and nothing else does", async () => {
    const key = "tk_story_0123456789abcdef";
    const w = await world(mode, {
      types: { noop: { deliver: "one" } },
      more: { api: { keys: [{ name: "old-client", key, scopes: ["submit", "read"] }] } },
    });
    const basic = (password: string) => `Basic ${Buffer.from(`any-user:${password}`).toString("base64")}`;
    const ask = (headers: Record<string, string>) => w.post("/noop", { identifier: "once" }, headers);
    expect((await ask({ authorization: basic(key) })).status).toBe(202);
    expect((await ask({ authorization: `Bearer ${key}` })).headers.get("idempotency-replayed")).toBe("true");
    expect((await ask({ "x-api-key": key })).status).toBe(202);
    expect([(await ask({ authorization: basic("wrong") })).status, (await ask({})).status]).toEqual([401, 401]);
    const [{ id }] = (await w.get("/noop", { "x-api-key": key })).body.items;
    expect((await w.post(`/noop/${id}/cancel`, {}, { "x-api-key": key })).body.code).toBe("forbidden");
    await w.close();
  });
});
