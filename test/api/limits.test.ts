import { Agent, request } from "node:http";
import { Streams } from "../../src/api/request/streams";
import { newId } from "../../src/model/ids";
import { type Answer, startTestApi, type TestApi } from "./support";

jest.setTimeout(60_000);

let t: TestApi;
const opened: TestApi[] = [];
async function started(...options: Parameters<typeof startTestApi>): Promise<TestApi> {
  t = await startTestApi(...options);
  opened.push(t);
  return t;
}
afterEach(async () => {
  for (const api of opened.splice(0)) await api.stop();
});

interface Stream {
  status: number;
  body(): string;
  /** Resolves when the server has ended it. */
  ended: Promise<void>;
  close(): void;
}

function follow(path: string, headers: Record<string, string>): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const call = request(`${t.api.url}${path}`, { headers, agent: new Agent() }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      const ended = new Promise<void>((done) => answer.once("end", () => done()));
      resolve({ status: answer.statusCode!, body: () => text, ended, close: () => call.destroy() });
    });
    call.on("error", reject).end();
  });
}

const as = (key: string) => ({ authorization: `Bearer ${key}` });
const idOf = (key: string) => key.split("_")[1]!;

async function session(key: string) {
  const { headers, body } = await t.call("POST", "/session", { key });
  return { cookie: headers.get("set-cookie")!.split(";")[0]!, "x-csrf-token": body.csrf_token as string };
}

describe("a stream or a wait that is held open", () => {
  const beats = { heartbeatMs: 100 };

  test("ends when its key is removed", async () => {
    await started({}, beats);
    await t.key(["admin"]);
    const key = await t.key(["read"]);
    const task = await t.call("POST", "/app-update", { identifier: newId() }, as(await t.key(["submit"])));
    const paths = ["/events", `/app-update/${task.body.id}/events`];
    const streams = await Promise.all(paths.map((path) => follow(path, as(key))));
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const held = t.call("GET", `/app-update/${task.body.id}?wait=50`, undefined, as(key));
    await t.store.access.removeKey(idOf(key));
    await Promise.all([...streams.map(({ ended }) => ended), held]);
    expect((await follow("/events", as(key))).status).toBe(401);
  });

  test("ends when its key expires", async () => {
    await started({}, beats);
    const key = await t.key(["read"], null, new Date(Date.now() + 2000).toISOString());
    const stream = await follow("/events", as(key));
    expect(stream.status).toBe(200);
    await stream.ended;
  });

  test("ends when its session does, and when the key of its session is removed; another session's goes on", async () => {
    await started({}, beats);
    const [key, other] = [await t.key(["read"]), await t.key(["read"])];
    const [one, two, third] = [await session(key), await session(key), await session(other)];
    const [first, second, last] = await Promise.all(
      [one, two, third].map(({ cookie }) => follow("/events", { cookie })),
    );
    await t.call("DELETE", "/session", undefined, one);
    await first!.ended;
    expect((await t.call("GET", "/tasks", undefined, two)).status).toBe(200);
    await t.store.access.removeKey(idOf(key));
    await second!.ended;
    expect((await t.call("GET", "/tasks", undefined, third)).status).toBe(200);
    const before = last!.body().length;
    await t.call("POST", "/app-update", { identifier: newId() }, as(await t.key(["submit"])));
    await untilMore(last!, before);
    last!.close();
  });

  test("that anybody could open while there was no key ends with the first key", async () => {
    await started({}, beats);
    const stream = await follow("/events", {});
    expect(stream.status).toBe(200);
    await t.key(["admin"]);
    await stream.ended;
  });

  test("goes on while the database cannot be asked", async () => {
    await started({}, beats);
    const stream = await follow("/events", as(await t.key(["read"])));
    const { access } = t.store;
    const [keys, key] = [access.keys, access.key];
    access.keys = access.key = (): Promise<never> => Promise.reject(new Error("away"));
    const before = stream.body().length;
    await untilMore(stream, before + ": still here\n\n".length * 3);
    Object.assign(access, { keys, key });
    stream.close();
  });
});

async function untilMore(stream: Stream, length: number): Promise<void> {
  while (stream.body().length <= length) await new Promise((done) => setTimeout(done, 20));
}

describe("event streams", () => {
  test("of one key are bounded, and those of others are not concerned", async () => {
    await started();
    const [greedy, other] = [await t.key(["read"]), await t.key(["read"])];
    const streams: Stream[] = [];
    for (let i = 0; i < 10; i++) {
      streams.push(...(await Promise.all(Array.from({ length: 100 }, () => follow("/events", as(greedy))))));
    }
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await t.call("GET", "/events", undefined, as(greedy));
    expect([refused.status, refused.body.code]).toEqual([503, "overloaded"]);
    streams.push(await follow("/events", as(other)));
    expect(streams.at(-1)!.status).toBe(200);
    for (const stream of streams) stream.close();
  });

  test("are bounded all together, and a closed one makes room", () => {
    const streams = new Streams(3, 2);
    const closed = streams.open("a");
    streams.open("a");
    expect(() => streams.open("a")).toThrow("2 streams of this key or address are open");
    streams.open("b");
    expect(() => streams.open("c")).toThrow("3 streams are open");
    closed();
    streams.open("c");
  });
});

describe("the limit of requests", () => {
  const limited = { rateLimit: { requests: 5, windowMs: 60_000 } };
  const times = async (n: number, ask: () => Promise<Answer>) => {
    const codes: number[] = [];
    for (let i = 0; i < n; i++) codes.push((await ask()).status);
    return codes;
  };

  test.each<[string, number, (headers: Record<string, string>) => Promise<Answer>]>([
    ["what lacks a scope", 403, (headers) => t.call("POST", "/app-update", { identifier: "x" }, headers)],
    ["another type's", 403, (headers) => t.call("GET", "/other", undefined, headers)],
    ["a type that is not there", 404, (headers) => t.call("GET", "/nothing", undefined, headers)],
    ["a task that is not there", 404, (headers) => t.call("GET", `/app-update/${newId()}`, undefined, headers)],
    ["a task id that is none", 404, (headers) => t.call("GET", "/app-update/x", undefined, headers)],
  ])("counts %s", async (_, status, ask) => {
    await started(limited);
    const headers = as(await t.key(["read"], ["app-update"]));
    expect(await times(7, () => ask(headers))).toEqual([...Array(5).fill(status), 429, 429]);
  });

  test.each<[string, number, () => Promise<Answer>]>([
    ["addresses that do not exist", 404, () => t.call("GET", "/a/b/c/d/e/f")],
    ["requests without a key", 401, () => t.call("GET", "/tasks")],
    [
      "pages of other sites",
      403,
      () => t.call("POST", "/app-update", { identifier: "x" }, { origin: "https://a.example" }),
    ],
    ["log-ins with a wrong key", 401, () => t.call("POST", "/session", { key: "wrong" })],
  ])("counts %s for their address, and keys are not concerned", async (_, status, ask) => {
    await started(limited);
    const key = await t.key(["read"]);
    expect(await times(7, ask)).toEqual([...Array(5).fill(status), 429, 429]);
    expect((await t.call("GET", "/tasks", undefined, as(key))).status).toBe(200);
  });

  test("counts log-ins", async () => {
    await started(limited);
    const key = await t.key(["read"]);
    expect(await times(7, () => t.call("POST", "/session", { key }))).toEqual([...Array(5).fill(200), 429, 429]);
  });
});

test("however often a key logs in, it leaves a bounded number of rows; the latest sessions work", async () => {
  await started();
  const key = await t.key(["read"]);
  const first = await session(key);
  const others = await session(await t.key(["read"]));
  const later = [];
  for (let i = 0; i < 15; i++) later.push(...(await Promise.all(Array.from({ length: 10 }, () => session(key)))));
  const rows = (await t.store.access.keys()).filter(({ scopes }) => scopes.some((one) => one.startsWith("session:")));
  expect(rows.length).toBe(101);
  const status = async (headers: Record<string, string>) => (await t.call("GET", "/tasks", undefined, headers)).status;
  expect([await status(first), await status(later.at(-1)!), await status(others)]).toEqual([401, 200, 200]);
});

describe("a key that is limited to types", () => {
  test("reads no metrics, which are of all types", async () => {
    await started();
    const refused = await t.call("GET", "/metrics", undefined, as(await t.key(["admin"], ["app-update"])));
    expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
    expect((await t.call("GET", "/metrics", undefined, as(await t.key(["read"])))).status).toBe(200);
  });

  test("is told what endpoints owe of its own types only", async () => {
    await started();
    const all = await t.key(["admin"]);
    await t.call("POST", "/app-update", { identifier: "a" }, as(all));
    await t.call("POST", "/other", { identifier: "b" }, as(all));
    const some = as(await t.key(["read"], ["other"]));
    const told = async (headers: Record<string, string>) => [
      (await t.call("GET", "/endpoints", undefined, headers)).body.items[0].open.expected,
      (await t.call("GET", "/endpoints/db1", undefined, headers)).body.open.expected,
    ];
    expect(await told(as(all))).toEqual([2, 2]);
    expect(await told(some)).toEqual([1, 1]);
  });
});

describe("a key that may submit and not read", () => {
  const done = { result: '{"secret":1}', resultText: null };

  test.each([
    ["by waiting", "?wait=5", {}],
    ["by preferring to wait", "", { prefer: "wait=5" }],
    ["by repeating the identifier", "", {}],
  ])("is told how its task stands, and no answers %s", async (_, query, more) => {
    await started();
    const [submit, both] = [as(await t.key(["submit"])), as(await t.key(["submit", "read"]))];
    const body = { identifier: newId(), endpoints: ["db1"] };
    const made = await t.call("POST", "/app-update", body, submit);
    expect(made.body.responses).toEqual([]);
    await t.perform(made.body, "db1", done);
    const again = await t.call("POST", `/app-update${query}`, body, { ...submit, ...more });
    expect(again.body).toMatchObject({ status: "succeeded", settled: true, completeness: { succeeded: 1 } });
    expect([again.body.responses, again.text.includes("secret")]).toEqual([[], false]);
    const batch = await t.call("POST", "/app-update/batch", { tasks: [body] }, submit);
    expect(batch.body.results[0].task).toMatchObject({ status: "succeeded", responses: [] });
    const read = await t.call("POST", `/app-update${query}`, body, { ...both, ...more });
    expect(read.body.responses).toMatchObject([{ result: { secret: 1 } }]);
  });
});

describe("GET requests that start or stop something (legacy_get)", () => {
  const runs = async (headers: Record<string, string>) =>
    (await t.call("GET", "/old", undefined, headers)).body.items.length;

  test("need the session's token, too", async () => {
    await started();
    const key = await t.key(["admin"]);
    const { cookie, ...token } = await session(key);
    for (const path of ["/old/start", "/old/stop"]) {
      const refused = await t.call("GET", path, undefined, { cookie });
      expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
    }
    expect(await runs({ cookie })).toBe(0);
    expect((await t.call("GET", "/old/start", undefined, { cookie, ...token })).status).toBe(202);
    expect((await t.call("GET", `/old/start?key=${key}`)).status).toBe(409);
  });

  test("do nothing when they are asked with HEAD", async () => {
    await started();
    const headers = as(await t.key(["admin"]));
    expect((await t.call("HEAD", "/old/start", undefined, headers)).status).toBe(404);
    expect(await runs(headers)).toBe(0);
    const run = (await t.call("GET", "/old/start", undefined, headers)).body;
    expect((await t.call("HEAD", "/old/stop", undefined, headers)).status).toBe(404);
    expect((await t.call("GET", `/old/${run.id}`, undefined, headers)).body.status).toBe("pending");
    expect((await t.call("HEAD", `/old/${run.id}`, undefined, headers)).status).toBe(200);
  });
});
