import { createHash } from "node:crypto";
import { request } from "node:http";
import { PERMISSIONS } from "../../../src/api/access/permissions";
import { createLog } from "../../../src/log";
import { newId } from "../../../src/model/ids";
import type { Scope } from "../../../src/model/scopes";
import { until } from "../../support/until";
import { type Body, startTestApi, type TestApi } from "../support";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const CONFIG_KEY = "a-key-from-the-config-file";

let t: TestApi;
let keys: Record<Scope, string>;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

beforeAll(async () => {
  t = await startTestApi({
    keys: [{ name: "ops", hash: `sha256:${sha256(CONFIG_KEY)}`, scopes: ["admin"], types: null }],
  });
  keys = {
    read: await t.key(["read"]),
    submit: await t.key(["submit"]),
    operate: await t.key(["operate"]),
    admin: await t.key(["admin"]),
  };
});
afterAll(() => t?.stop());

describe("a key", () => {
  const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });

  test("is taken as Bearer, X-Api-Key, and HTTP Basic, from config and store alike", async () => {
    const [, id, secret] = keys.read.split("_");
    const ways: Array<Record<string, string>> = [
      bearer(CONFIG_KEY),
      bearer(keys.read),
      { authorization: `bearer ${keys.read}` },
      { "x-api-key": keys.read },
      basic(`anybody:${keys.read}`),
      basic(`:${CONFIG_KEY}`),
      basic(`${keys.read}:`),
      basic(`${id}:${secret}`),
    ];
    for (const way of ways) expect([way, (await t.call("GET", "/tasks", undefined, way)).status]).toEqual([way, 200]);
  });

  test.each([
    ["missing", {}],
    ["empty", bearer("")],
    ["a character short", () => bearer(keys.read.slice(0, -1))],
    ["a character long", () => bearer(`${keys.read}0`)],
    ["equal but for its last character", () => bearer(`${keys.read.slice(0, -1)}x`)],
    ["another's id", () => bearer(keys.read.replace(/^tsk_[^_]+/, `tsk_${keys.admin.split("_")[1]}`))],
    ["beyond ASCII", bearer("tsk_\xe9\xe9_\xff")],
    ["very long", bearer("x".repeat(8000))],
    ["a digest of one", () => bearer(sha256(keys.read.split("_")[2]!))],
    ["under no scheme", () => ({ authorization: keys.read })],
    ["under another scheme", () => ({ authorization: `Digest ${keys.read}` })],
    ["no Basic pair", { authorization: "Basic !!!!" }],
    ["two in one header", () => ({ "x-api-key": `${keys.read}, ${keys.read}` })],
  ] as Array<[string, Record<string, string> | (() => Record<string, string>)]>)(
    "is refused: %s",
    async (_what, way) => {
      const headers = typeof way === "function" ? way() : way;
      const answer = await t.call("GET", "/tasks", undefined, headers);
      expect([answer.status, answer.body.code]).toEqual([401, "unauthenticated"]);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
      for (const value of Object.values(headers))
        if (value.length > 20) expect(answer.text).not.toContain(value.slice(8));
    },
  );

  test("is refused once it is expired, works from the moment it is made, and is refused soon after it is removed", async () => {
    const other = await startTestApi();
    const status = async (key: string) => (await other.call("GET", "/tasks", undefined, bearer(key))).status;
    try {
      expect(await status(await other.key(["read"], null, "2020-01-01T00:00:00.000Z"))).toBe(401);
      const key = await other.key(["read"]);
      expect(await status(key)).toBe(200);
      await other.store.access.removeKey(key.split("_")[1]!);
      await until("the removed key to be refused", async () => (await status(key)) === 401);
      const next = await other.key(["read"]);
      expect(await status(next)).toBe(200);
    } finally {
      await other.stop();
    }
  });

  test("in the address is taken only where that is allowed", async () => {
    expect((await t.call("GET", `/tasks?key=${keys.read}`)).status).toBe(401);
    expect((await t.call("GET", `/old/status?key=${keys.read}`)).body.code).toBe("task_not_found");
    const other = await startTestApi({ keyInUrl: true });
    try {
      const key = await other.key(["read"]);
      const answer = await other.call("GET", `/tasks?limit=1&key=${key}`);
      expect(answer.status).toBe(200);
      expect(answer.text + JSON.stringify([...answer.headers])).not.toContain(key);
    } finally {
      await other.stop();
    }
  });
});

describe("scopes", () => {
  const HAS: Record<Scope, Scope[]> = {
    read: ["read"],
    submit: ["submit"],
    operate: ["operate", "read"],
    admin: ["read", "submit", "operate", "admin"],
  };

  test.each(Object.entries(PERMISSIONS).filter(([, needed]) => needed !== "session"))(
    "%s wants %s",
    async (route, needed) => {
      const [method, pattern] = route.split(" ") as [string, string];
      const path = pattern
        .replace(":taskType", "app-update")
        .replace(":id", newId())
        .replace(":endpoint", "db1")
        .replace(":name", "db1");
      const body = method === "POST" ? "{}" : undefined;
      const nobody = await t.call(method, path, body);
      if (needed === "public" || needed === "session") return expect(nobody.status).toBe(200);
      expect([nobody.status, nobody.body.code]).toEqual([401, "unauthenticated"]);
      for (const scope of Object.keys(HAS) as Scope[]) {
        if (path === "/events" && HAS[scope].includes("read")) continue;
        const answer = await t.call(method, path, body, bearer(keys[scope]));
        if (HAS[scope].includes(needed)) expect([401, 403]).not.toContain(answer.status);
        else {
          expect([scope, answer.status, answer.body.code]).toEqual([scope, 403, "forbidden"]);
          expect(answer.body.detail).toContain(needed);
        }
      }
    },
  );
});

describe("a key for some types (S12)", () => {
  let limited: Record<string, string>;
  let foreign: Body;
  let own: Body;
  beforeAll(async () => {
    limited = bearer(await t.key(["admin"], ["other"]));
    foreign = (await t.call("POST", "/app-update", { identifier: newId() }, bearer(CONFIG_KEY))).body;
    own = (await t.call("POST", "/other", { identifier: newId() }, limited)).body;
  });

  test("does not find other types' tasks, whether they exist or not", async () => {
    const paths = ["", "/responses", "/responses/db1", "/responses/db1/log", "/events"].map((rest) => ["GET", rest]);
    for (const [method, rest] of [...paths, ["POST", "/cancel"], ["POST", "/retry"]] as Array<[string, string]>) {
      for (const id of [foreign.id, newId()]) {
        const answer = await t.call(method, `/app-update/${id}${rest}`, undefined, limited);
        expect([rest, answer.status, answer.body.code]).toEqual([rest, 404, "task_not_found"]);
      }
    }
    expect(
      (await t.call("GET", `/app-update/${foreign.id}`, undefined, bearer(CONFIG_KEY))).body.completeness.cancelled,
    ).toBe(0);
  });

  test("does not reach them under a type of its own", async () => {
    expect((await t.call("GET", `/other/${foreign.id}`, undefined, limited)).body.code).toBe("task_not_found");
    expect((await t.call("POST", `/other/${foreign.id}/cancel`, undefined, limited)).body.code).toBe("task_not_found");
  });

  test("may not create or list them", async () => {
    for (const [method, path] of [
      ["POST", "/app-update"],
      ["POST", "/app-update/batch"],
      ["GET", "/app-update"],
      ["GET", "/types/app-update"],
    ] as const) {
      const answer = await t.call(method, path, method === "POST" ? {} : undefined, limited);
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, "forbidden"]);
    }
  });

  test("sees only its own in lists", async () => {
    const { body } = await t.call("GET", "/tasks", undefined, limited);
    expect(body.items.map((item: Body) => item.id)).toEqual([own.id]);
    expect((await t.call("GET", "/tasks?type=app-update", undefined, limited)).body.items).toEqual([]);
    expect((await t.call("GET", "/types", undefined, limited)).body.items.map((type: Body) => type.name)).toEqual([
      "other",
    ]);
    const [endpoint] = (await t.call("GET", "/endpoints", undefined, limited)).body.items;
    expect(endpoint.types).toEqual(["other"]);
  });
});

describe("wrong keys (S7)", () => {
  test("are answered 429 after some, while right ones go on working, and stand in no log", async () => {
    const lines: string[] = [];
    const log = createLog("trace");
    const write = jest.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
    const other = await startTestApi({}, { log });
    try {
      const right = await other.key(["read"]);
      const wrong = `tsk_${"a".repeat(12)}_${"b".repeat(64)}`;
      const statuses = new Map<number, number>();
      for (let i = 0; i < 300; i++) {
        const { status } = await other.call("GET", "/tasks", undefined, bearer(wrong));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      expect([...statuses]).toEqual([
        [401, 20],
        [429, 280],
      ]);
      const refused = await other.call("GET", "/tasks", undefined, bearer(wrong));
      expect(refused.body.code).toBe("rate_limited");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      // Known already, or it would have to be looked up like a guess.
      expect((await other.call("GET", "/tasks", undefined, bearer(right))).status).toBe(200);
      expect(lines.join("")).not.toContain("bbbbbb");
    } finally {
      write.mockRestore();
      await other.stop();
    }
  });
});

describe("a flood (S13)", () => {
  test("of one key is answered 429 with the standard headers, and other keys are not concerned", async () => {
    const other = await startTestApi({ rateLimit: { windowMs: 60_000, requests: 5 } });
    try {
      const [one, two] = [await other.key(["submit"]), await other.key(["submit"])];
      const answers = [];
      for (let i = 0; i < 7; i++)
        answers.push(await other.call("POST", "/app-update", { identifier: `i${i}` }, bearer(one)));
      expect(answers.map((answer) => answer.status)).toEqual([202, 202, 202, 202, 202, 429, 429]);
      expect(answers[0]!.headers.get("ratelimit-policy")).toBe('"default";q=5;w=60');
      expect(answers[0]!.headers.get("ratelimit")).toMatch(/^"default";r=4;t=\d+$/);
      expect(answers[6]!.body.code).toBe("rate_limited");
      expect(Number(answers[6]!.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await other.call("POST", "/app-update", { identifier: "x" }, bearer(two))).status).toBe(202);
      expect((await other.call("GET", "/livez")).status).toBe(200);
    } finally {
      await other.stop();
    }
  });
});

describe("without keys", () => {
  let open: TestApi;
  beforeAll(async () => {
    open = await startTestApi();
  });
  afterAll(() => open?.stop());

  const under = (host: string) =>
    new Promise<number>((resolve, reject) => {
      request({ port: open.api.port, host: "127.0.0.1", path: "/tasks", headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode!);
      })
        .on("error", reject)
        .end();
    });

  test("only loopback names are answered", async () => {
    expect(await under("localhost:3000")).toBe(200);
    expect(await under("rebound.example:3000")).toBe(403);
  });

  test("a page of another site may look at nothing and change nothing", async () => {
    const answer = await open.call("POST", "/old/stop", undefined, { origin: "http://evil.example" });
    expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect((await open.call("GET", "/old/start", undefined, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  });

  test("another address than loopback is refused with the reason, and with a key it is taken", async () => {
    await expect(startTestApi({ host: "0.0.0.0" })).rejects.toThrow(/no API key is configured/);
    const hash = sha256(CONFIG_KEY);
    const exposed = await startTestApi({ host: "0.0.0.0", keys: [{ name: "k", hash, scopes: ["read"], types: null }] });
    try {
      expect((await exposed.call("GET", "/tasks")).status).toBe(401);
      expect((await exposed.call("GET", "/tasks", undefined, bearer(CONFIG_KEY))).status).toBe(200);
    } finally {
      await exposed.stop();
    }
  });

  test("the first key closes the door", async () => {
    await open.key(["admin"]);
    await until("the door to be closed", async () => (await open.call("GET", "/tasks")).status === 401);
  });
});
