import { createHash } from "node:crypto";
import { PERMISSIONS, type RouteId } from "../../src/api/access/permissions";
import { until } from "../support/until";
import { type Body, startTestApi, type TestApi } from "./support";

const KEY = "a-key-for-the-audit-trail";
let t: TestApi;

beforeAll(async () => {
  const hash = `sha256:${createHash("sha256").update(KEY).digest("hex")}`;
  t = await startTestApi({ keys: [{ name: "ops", hash, scopes: ["admin"], types: null }] });
});
afterAll(() => t?.stop());

/** For each route that changes something: the action that the trail tells, and how to bring it about. */
const headers = { authorization: `Bearer ${KEY}` };
const send = (method: string, path: string, body?: unknown) => t.call(method, path, body, headers);
const created = async (): Promise<Body> =>
  (await send("POST", "/app-update", { identifier: `${Math.random()}`, endpoints: ["db1"] })).body;

const CHANGES: Partial<Record<RouteId, [action: string, act: () => Promise<unknown>]>> = {
  "POST /:taskType": ["task.create", created],
  "POST /:taskType/batch": ["task.create", () => send("POST", "/other/batch", { tasks: [{ identifier: "batch" }] })],
  "POST /:taskType/start": ["task.create", () => send("POST", "/nightly/start", {})],
  "POST /:taskType/stop": ["task.cancel", () => send("POST", "/nightly/stop")],
  "GET /:taskType/start": ["task.create", () => send("GET", "/old/start")],
  "GET /:taskType/stop": ["task.cancel", () => send("GET", "/old/stop")],
  "POST /:taskType/:id/cancel": ["task.cancel", async () => send("POST", `/app-update/${(await created()).id}/cancel`)],
  "POST /:taskType/:id/retry": [
    "task.retry",
    async () => {
      const { id } = await created();
      await send("POST", `/app-update/${id}/cancel`);
      return send("POST", `/app-update/${id}/retry`, { endpoints: ["db1"] });
    },
  ],
  "DELETE /endpoints/:name": [
    "endpoint.remove",
    async () => {
      await t.store.tasks.registerEndpoints("app-update", ["gone"]);
      await send("DELETE", "/endpoints/gone?dry_run=true");
      return send("DELETE", "/endpoints/gone");
    },
  ],
  "POST /endpoints/:name/rename": [
    "endpoint.rename",
    async () => {
      await t.store.tasks.registerEndpoints("app-update", ["before"]);
      return send("POST", "/endpoints/before/rename", { name: "after" });
    },
  ],
  "POST /session": ["session.begin", () => t.call("POST", "/session", { key: KEY })],
  "DELETE /session": [
    "session.end",
    async () => {
      const begun = await t.call("POST", "/session", { key: KEY });
      const cookie = begun.headers.get("set-cookie")!.split(";")[0]!;
      return t.call("DELETE", "/session", undefined, { cookie, "x-csrf-token": begun.body.csrf_token });
    },
  ],
};

test.each(Object.entries(CHANGES))("%s leaves a row: who, what, from where", async (_route, [action, act]) => {
  const newest = async () => (await t.store.access.auditList(100)).filter((entry) => entry.action === action);
  const before = new Set((await newest()).map((entry) => entry.id));
  const answer = (await act()) as { status?: number };
  if (typeof answer.status === "number") expect(answer.status).toBeLessThan(300);
  const row = await until(`a row of ${action}`, async () => (await newest()).find((entry) => !before.has(entry.id)));
  expect(row).toMatchObject({ actor: "ops", remote: "127.0.0.1", at: expect.stringMatching(/Z$/) });
});

test("no route that changes something is left out", () => {
  const changing = Object.entries(PERMISSIONS)
    .filter(([route, scope]) => scope !== "read" && scope !== "public" && !/^GET \/(session|system)$/.test(route))
    .map(([route]) => route);
  expect(Object.keys(CHANGES).sort()).toEqual(changing.sort());
});
