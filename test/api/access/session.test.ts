import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../support/until";
import { startTestApi, type TestApi } from "../support";

const CONFIG_KEY = "a-key-from-the-config-file";
const hash = `sha256:${createHash("sha256").update(CONFIG_KEY).digest("hex")}`;

let t: TestApi;
beforeAll(async () => {
  t = await startTestApi({ keys: [{ name: "ops", hash, scopes: ["operate"], types: null }] });
});
afterAll(() => t?.stop());

async function logIn(key: string) {
  const answer = await t.call("POST", "/session", { key });
  const set = answer.headers.get("set-cookie") ?? "";
  return { answer, set, cookie: set.split(";")[0]!, token: answer.body?.csrf_token as string };
}

describe("a session", () => {
  test("begins with a key, in a cookie that no script and no other site can use, and does not hold the key", async () => {
    const { answer, set } = await logIn(CONFIG_KEY);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ name: "ops", scopes: ["operate"], types: null, run_mode: "test" });
    expect(set).toContain("HttpOnly");
    expect(set).toContain("SameSite=Strict");
    expect(set + answer.text).not.toContain(CONFIG_KEY);
  });

  test("is told who it is by GET /session, and 401 without one", async () => {
    const { cookie, token } = await logIn(CONFIG_KEY);
    const known = await t.call("GET", "/session", undefined, { cookie });
    expect([known.status, known.body.csrf_token]).toEqual([200, token]);
    expect((await t.call("GET", "/session")).status).toBe(401);
  });

  test("reads with its cookie, and changes something only with its token", async () => {
    const task = (await t.call("POST", "/app-update", { identifier: "x" }, { "x-api-key": await t.key(["submit"]) }))
      .body;
    const { cookie, token } = await logIn(CONFIG_KEY);
    expect((await t.call("GET", "/tasks", undefined, { cookie })).status).toBe(200);
    const path = `/app-update/${task.id}/cancel`;
    const without = await t.call("POST", path, undefined, { cookie });
    expect([without.status, without.body.code]).toEqual([403, "forbidden"]);
    const wrong = await t.call("POST", path, undefined, { cookie, "x-csrf-token": token.replace(/^./, "z") });
    expect(wrong.status).toBe(403);
    expect((await t.call("POST", path, undefined, { cookie, "x-csrf-token": token })).status).toBe(202);
  });

  test("cannot be begun from another site's page", async () => {
    const answer = await t.call("POST", "/session", { key: CONFIG_KEY }, { origin: "https://elsewhere.example" });
    expect(answer.status).toBe(403);
  });

  test("does not begin with a wrong key, another session's cookie or a malformed request", async () => {
    const { cookie } = await logIn(CONFIG_KEY);
    for (const key of ["wrong", cookie.split("=")[1]!]) {
      expect((await t.call("POST", "/session", { key })).status).toBe(401);
    }
    for (const body of [{}, { key: 1 }, { key: "" }, { key: "a", more: true }]) {
      expect((await t.call("POST", "/session", body)).status).toBe(422);
    }
  });

  test("key of its own is of no use as an API key", async () => {
    const { cookie } = await logIn(CONFIG_KEY);
    const authorization = `Bearer ${cookie.split("=")[1]}`;
    expect((await t.call("GET", "/tasks", undefined, { authorization })).status).toBe(401);
  });

  test("ends when it is ended, and the cookie of before is worth nothing", async () => {
    const { cookie, token } = await logIn(CONFIG_KEY);
    const ended = await t.call("DELETE", "/session", undefined, { cookie, "x-csrf-token": token });
    expect([ended.status, ended.headers.get("set-cookie")]).toEqual([200, expect.stringContaining("Max-Age=0")]);
    expect((await t.call("GET", "/session", undefined, { cookie })).status).toBe(401);
  });

  test("ends with the key that it stands for", async () => {
    const key = await t.key(["read"]);
    const { cookie } = await logIn(key);
    expect((await t.call("GET", "/tasks", undefined, { cookie })).status).toBe(200);
    await t.store.access.removeKey(key.split("_")[1]!);
    const gone = async () => (await t.call("GET", "/tasks", undefined, { cookie })).status === 401;
    await until("the session to end with its key", gone);
  });
});

test("without any key GET /session says that everything is allowed, and sessions leave that as it is", async () => {
  const open = await startTestApi();
  try {
    const answer = await open.call("GET", "/session", undefined, { cookie: "tasker_session=tsk_000000000000_old" });
    expect([answer.status, answer.body.name, answer.body.csrf_token]).toEqual([200, null, null]);
    expect(answer.body.scopes).toContain("admin");
  } finally {
    await open.stop();
  }
});

test("GET /system tells an administrator the config without its secrets", async () => {
  const answer = await t.call("GET", "/system", undefined, { "x-api-key": await t.key(["admin"]) });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ run_mode: "test", config: { api: { host: "127.0.0.1", keys: ["ops"] } } });
  expect(answer.text).not.toContain(hash.slice(7));
});

test("a list carries all responses where they are asked for, without results", async () => {
  const headers = { "x-api-key": await t.key(["admin"]) };
  const task = (await t.call("POST", "/other", { identifier: "listed" }, headers)).body;
  await t.perform(task, "db1", { result: '{"big":"result"}' });
  const plain = await t.call("GET", "/other?limit=1", undefined, headers);
  expect(plain.body.items[0].responses).toBeUndefined();
  const rich = await t.call("GET", "/other?limit=1&include=responses", undefined, headers);
  expect(rich.body.items[0].responses).toMatchObject([
    { endpoint: "db1", status: "succeeded", attempt: 1, progress: 1 },
    { endpoint: "db2", status: "expected", attempt: 0 },
  ]);
  expect(rich.text).not.toContain("big");
  expect((await t.call("GET", "/other?include=everything", undefined, headers)).status).toBe(422);
});

test("the pages are served with a policy that allows nothing inline and no other host, below any path", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tasker-ui-"));
  writeFileSync(join(dir, "index.html"), "<title>tasker</title>");
  const pages = await startTestApi({ basePath: "/below/here" }, { uiDir: dir });
  try {
    for (const [path, location] of [
      ["", "ui/"],
      ["/ui", "ui/"],
    ] as const) {
      const answer = await pages.call("GET", path);
      expect([answer.status, answer.headers.get("location")]).toEqual([302, location]);
    }
    const page = await pages.call("GET", "/ui/");
    expect(page.text).toContain("tasker");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(policy.replace(/data:/g, "")).not.toMatch(/https?:|\*/);
    expect(page.headers.get("cache-control")).toBe("no-cache");
  } finally {
    await pages.stop();
  }
});
