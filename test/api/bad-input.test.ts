import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { newId } from "../../src/model/ids";
import { rawRequest, startTestApi, type TestApi } from "./support";

let t: TestApi;
beforeAll(async () => {
  t = await startTestApi();
});
afterAll(() => t?.stop());
afterEach(async () => {
  expect((await t.call("GET", "/livez")).status).toBe(200);
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
});

const LIMIT = 100_000;
const head = (more: string) =>
  `POST /app-update HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${more}\r\n`;

describe("a body that is too large (S1)", () => {
  test("by its length is refused before a byte of it is sent", async () => {
    const answer = await rawRequest(t.api.port, head(`Content-Length: ${LIMIT + 1}\r\n`));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain('"code":"body_too_large"');
  });

  test("by its length is refused instead of `100 Continue`", async () => {
    const answer = await rawRequest(t.api.port, head(`Content-Length: ${LIMIT + 1}\r\nExpect: 100-continue\r\n`));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("of one byte too many is refused, of the limit not", async () => {
    const request = (length: number) => {
      const empty = `{"identifier":"${newId()}","payload":{"x":""}}`;
      return empty.replace('""', `"${"x".repeat(length - empty.length)}"`);
    };
    expect((await t.call("POST", "/app-update", request(LIMIT))).status).toBe(202);
    expect((await t.call("POST", "/app-update", request(LIMIT + 1))).body.code).toBe("body_too_large");
  });

  test("without end is refused at the limit, with nothing kept of it", async () => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    const framed = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]);
    const before = process.memoryUsage().arrayBuffers;
    const parts = Array.from({ length: 800 }, () => framed);
    const answer = await rawRequest(t.api.port, head("Transfer-Encoding: chunked\r\n"), ...parts);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("is refused so that a client reads it which looks only after it has sent all", async () => {
    const body = Buffer.alloc(5_000_000, "x");
    const socket = connect(t.api.port, "127.0.0.1").pause();
    let received = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
    });
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(head(`Content-Length: ${body.length}\r\n`));
    await new Promise((resolve) => socket.write(body, resolve));
    socket.resume();
    await closed;
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("once unpacked is not unpacked at all", async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, "x"));
    const answer = await fetch(`${t.api.url}/app-update`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
      body: bomb,
    });
    expect(answer.status).toBe(415);
    expect(await answer.json()).toEqual(expect.objectContaining({ code: "unsupported_media_type" }));
  });
});

describe("a body that is not what it should be (S2)", () => {
  test.each([
    ["", 400, "malformed_json"],
    ["{", 400, "malformed_json"],
    ['{"identifier": NaN}', 400, "malformed_json"],
    ["\ufeff{}", 400, "malformed_json"],
    ["identifier=a", 400, "malformed_json"],
    ["[]", 422, "invalid_request"],
    ["null", 422, "invalid_request"],
    ["{}", 422, "invalid_request"],
    ['{"identifier":1}', 422, "invalid_request"],
    ['{"identifier":""}', 422, "invalid_request"],
    [`{"identifier":"${"x".repeat(191)}"}`, 422, "invalid_request"],
    ['{"identifier":"\\ud800"}', 422, "invalid_request"],
    ['{"identifier":"a\\u0000b"}', 422, "invalid_request"],
    ['{"identifier":"a","payload":[]}', 422, "invalid_request"],
    ['{"identifier":"a","payload":null}', 422, "invalid_request"],
    ['{"identifier":"a","endpoints":[]}', 422, "invalid_request"],
    ['{"identifier":"a","endpoints":["a","a"]}', 422, "invalid_request"],
    ['{"identifier":"a","attempts":0}', 422, "invalid_request"],
    ['{"identifier":"a","timeout":"soon"}', 422, "invalid_request"],
    ['{"identifier":"a","delay_until":"tomorrow"}', 422, "invalid_request"],
    ['{"identifier":"a","delay_until":"+012345-01-01T00:00:00Z"}', 422, "invalid_request"],
    ['{"identifier":"a","delay_until":"2030-02-30T00:00:00Z"}', 422, "invalid_request"],
    ['{"identifier":"a","delay_until":"2030-01-31T24:00:00Z"}', 422, "invalid_request"],
    ['{"identifier":"a","delay_until":"0000-01-01T00:00:00Z"}', 422, "invalid_request"],
    [`{"identifier":"a","payload":${'{"a":'.repeat(70)}1${"}".repeat(70)}}`, 422, "invalid_request"],
  ])("is refused: %s", async (body, status, code) => {
    const answer = await t.call("POST", "/app-update", body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect(answer.text).not.toMatch(/node_modules|\.[jt]s:\d|\bat .*:\d+:\d+/);
    expect(answer.body.errors?.length ?? 1).toBeGreaterThan(0);
  });

  test("names each unknown field by its pointer", async () => {
    const answer = await t.call("POST", "/app-update", { identifier: "a", idempotency: 1, "a/b~c": 2 });
    expect(answer.body.errors).toEqual([
      { pointer: "#/idempotency", detail: "is not a known field" },
      { pointer: "#/a~1b~0c", detail: "is not a known field" },
    ]);
  });

  test("and is checked against the type's schema", async () => {
    const answer = await t.call("POST", "/checked", { identifier: "a", payload: { host: 1 } });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, "#/payload/host"]);
  });

  test("is refused under another content type", async () => {
    const answer = await t.call("POST", "/app-update", "{}", { "content-type": "text/plain" });
    expect([answer.status, answer.body.code]).toEqual([415, "unsupported_media_type"]);
  });

  test("counts the last of duplicate keys", async () => {
    const answer = await t.call("POST", "/app-update", `{"identifier":"first","identifier":"${newId()}x"}`);
    expect(answer.body.identifier).toMatch(/x$/);
  });

  test("does not take endpoints for a `deliver: one` type", async () => {
    const answer = await t.call("POST", "/fetch", { identifier: "a", endpoints: ["db1"] });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, "#/endpoints"]);
  });
});

describe("keys that name prototypes (S3)", () => {
  test("are delivered as data in a payload", async () => {
    const payload = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}';
    const answer = await t.call("POST", "/app-update", `{"identifier":"${newId()}","payload":${payload}}`);
    expect(answer.status).toBe(202);
    const read = await t.call("GET", `/app-update/${answer.body.id}`);
    expect(read.text).toContain(`"payload":${payload}`);
  });

  test("make another request of one that lacks them", async () => {
    const identifier = newId();
    const first = await t.call("POST", "/app-update", `{"identifier":"${identifier}","payload":{"__proto__":{"a":1}}}`);
    const second = await t.call("POST", "/app-update", `{"identifier":"${identifier}","payload":{}}`);
    expect([first.status, second.status]).toEqual([202, 409]);
  });

  test("are unknown fields of a request and unknown parameters of a query", async () => {
    const body = await t.call("POST", "/app-update", '{"identifier":"a","__proto__":{"identifier":"b"}}');
    expect([body.status, body.body.code]).toEqual([422, "invalid_request"]);
    expect((await t.call("GET", "/tasks?__proto__=1")).status).toBe(422);
    expect((await t.call("GET", "/tasks?__proto__[admin]=1&constructor=2")).status).toBe(422);
  });

  test.each(["__proto__", "constructor", "hasOwnProperty", "toString"])("are no task types: %s", async (name) => {
    const answer = await t.call("POST", `/${name}`, { identifier: "a" });
    expect([answer.status, answer.body.code]).toEqual([404, "unknown_task_type"]);
    expect((await t.call("GET", `/types/${name}`)).body.code).toBe("unknown_task_type");
  });
});

describe("names that want to be something else (S4)", () => {
  const HOSTILE = [
    "../../x",
    "amq.x/../y",
    "x".repeat(256),
    "a\0b",
    "*",
    "#",
    "App-Update",
    "\u202eabc",
    "app update",
    "..",
  ];

  test.each(HOSTILE)("are no task types: %j", async (name) => {
    const answer = await t.call("POST", `/${encodeURIComponent(name)}`, { identifier: "a" });
    // What the client's own URL rules swallow (`..`) is no route.
    expect(answer.status).toBe(404);
    expect(["unknown_task_type", "route_not_found"]).toContain(answer.body.code);
  });

  test.each(HOSTILE)("are no endpoints: %j", async (name) => {
    const answer = await t.call("POST", "/app-update", { identifier: newId(), endpoints: [name] });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, "#/endpoints/0"]);
    expect((await t.call("GET", `/tasks?endpoint=${encodeURIComponent(name)}`)).status).toBe(422);
  });

  test.each(["x", "1", "../..", "0191C1C0-0000-7000-8000-000000000000", "0191c1c0-0000-7000-8000-00000000000%00"])(
    "are no task ids: %s",
    async (id) => {
      const answer = await t.call("GET", `/app-update/${encodeURIComponent(id)}`);
      expect([answer.status, answer.body.code]).toEqual([404, "task_not_found"]);
    },
  );
});

describe("queries that want to be something else (S8)", () => {
  test.each([
    "id[a]=1",
    "identifier[a]=1",
    "identifier=a&identifier=b",
    "limit=-1",
    "limit=0",
    "limit=ten",
    "limit=",
    "limit=NaN",
    "after=' OR 1=1 --",
    "after=0191c1c0",
    "status=done",
    "status=failed' OR '1'='1",
    "sort=created_at",
    "created_after=yesterday",
    "created_after=2030-02-30T00:00:00Z",
    "created_before=2030-02-30",
    "created_before=2030-01-31T12:00:00",
    "endpoint_status=failed",
    "type=APP",
    "offset=-5",
    "key=secret",
  ])("are refused: %s", async (query) => {
    const answer = await t.call("GET", `/tasks?${query}`);
    expect([answer.status, answer.body.code]).toEqual([422, "invalid_request"]);
    expect(answer.body.errors[0].pointer).toMatch(/^#\//);
    expect(answer.body.instance).toBe("/tasks");
    expect(answer.text).not.toContain("secret");
  });

  test("are text where text is meant", async () => {
    const identifier = `'; DROP TABLE task; -- ${newId()}`;
    const task = await t.create("app-update", { identifier });
    const found = await t.call("GET", `/tasks?identifier=${encodeURIComponent(identifier)}`);
    expect(found.body.items.map((item: { id: string }) => item.id)).toEqual([task.id]);
    expect((await t.call("GET", "/tasks?identifier=%25")).body.items).toEqual([]);
    expect((await t.call("GET", "/tasks?identifier=%00")).body.items).toEqual([]);
  });

  test.each(["wait=-1", "wait=long", "wait=1&wait=2", "waiting=1"])("of a read are checked too: %s", async (query) => {
    const task = await t.create();
    expect((await t.call("GET", `/app-update/${task.id}?${query}`)).body.code).toBe("invalid_request");
  });
});
