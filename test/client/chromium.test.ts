import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestSystem, world } from "../support/world";
import { openPages, type Pages, type Shown } from "../ui/browser";
import { type Between, between, Door } from "./support";

/** The built client in a page of somebody's own: bundled by Vite from the package, served beside the API, in real Chromium. */

const ROOT = resolve(__dirname, "../..");
const DIST = resolve(process.env.TASKER_TEST_DIST ?? join(ROOT, "dist"));

const MAIN = `
import { TaskerClient, TaskerProblem, TaskerUnreachable } from "tasker/client";

const client = new TaskerClient(new URL("..", location.href).href);
const show = (state) => document.body.append(state, " ");
const name = (error) => ({ name: error?.name, code: error?.code, own: error instanceof TaskerProblem || error instanceof TaskerUnreachable });

globalThis.user = {
  submit: (type, request) => client.submit(type, request),
  wait: (type, id) => client.wait(type, id, { timeoutMs: 20_000 }),
  fail: (type) => client.submit(type).then(() => null, name),
  async watch(type, id) {
    const states = [];
    for await (const task of client.watch(type, id)) {
      states.push(task.status + " " + task.completeness.succeeded);
      show(states.at(-1));
    }
    return states;
  },
  async log(type, id, endpoint) {
    let text = "";
    for await (const chunk of client.log(type, id, endpoint, { follow: true })) text += chunk.text;
    return text;
  },
  async abort(what, type, id) {
    const leaving = new AbortController();
    const seen = what === "watch"
      ? (async () => { for await (const task of client.watch(type, id, { signal: leaving.signal })) leaving.abort(); })()
      : client.wait(type, id, { signal: leaving.signal, onChange: () => leaving.abort() });
    return seen.then(() => "ended", (error) => error.name);
  },
};
`;

/** What a user does: an empty project, the package installed, `vite build`. */
function bundle(out: string): void {
  const project = mkdtempSync(join(tmpdir(), "tasker-page-"));
  try {
    const installed = join(project, "node_modules/tasker");
    mkdirSync(installed, { recursive: true });
    cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
    symlinkSync(DIST, join(installed, "dist"));
    writeFileSync(join(project, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
    writeFileSync(join(project, "main.js"), MAIN);
    const vite = join(ROOT, "node_modules/vite/bin/vite.js");
    const args = [vite, "build", "--base", "./", "--outDir", out, "--emptyOutDir", "--logLevel", "warn"];
    execFileSync(process.execPath, args, { cwd: project, stdio: ["ignore", "ignore", "pipe"] });
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

const doors = new Map<string, Door>();
let pages: Pages;
let w: TestSystem;
let proxy: Between;
let shown: Shown;
let cut: (() => void) | null = null;

beforeAll(async () => {
  pages = await openPages(bundle);
  w = await world("embedded", {
    types: { echo: { attempts: 1 }, gate: { attempts: 1 } },
    functions: {
      echo: async (payload) => payload,
      gate: async (payload, context) => {
        context.log("waiting");
        await doors.get(String(payload.door))?.pass(context.signal);
        context.signal.throwIfAborted();
        context.log("through");
      },
    },
    uiDir: pages.uiDir,
  });
  for (const endpoint of ["a", "b"]) await w.manager(endpoint);
  proxy = await between(w.url, (req) => {
    if (req.headers.accept !== "text/event-stream" || cut) return {};
    return { cutWhen: new Promise((done) => (cut = done)) };
  });
  shown = await pages.open(proxy.url);
  await shown.page.goto(`${proxy.url}/ui/`);
  await shown.page.waitForFunction("globalThis.user");
}, 300_000);
afterAll(async () => {
  for (const door of doors.values()) door.open();
  await proxy?.close();
  await pages?.close();
  await w?.close();
});

/** Calls one of the page's functions in the page. */
// biome-ignore lint/suspicious/noExplicitAny: what the page's functions answer is looked into freely
function user(call: string, ...args: unknown[]): Promise<any> {
  return shown.page.evaluate(`user.${call}(...${JSON.stringify(args)})`);
}

async function gate(): Promise<{ id: string; door: Door }> {
  const name = `door-${doors.size}`;
  const door = new Door();
  doors.set(name, door);
  return { id: (await user("submit", "gate", { payload: { door: name }, endpoints: ["a"] })).id, door };
}

test("submits and waits from a page of the same origin, under the strictest policy", async () => {
  const task = await user("submit", "echo", { payload: { from: "a page" } });
  const done = await user("wait", "echo", task.id);
  expect(done).toMatchObject({ status: "succeeded", settled: true, completeness: { succeeded: 2, missing: [] } });
  expect(await user("fail", "nope")).toEqual({ name: "TaskerProblem", code: "unknown_task_type", own: true });
  expect(shown.problems).toEqual([]);
});

test("watches by server-sent events, over a stream that is cut, and tells each state once", async () => {
  const { id, door } = await gate();
  const states = user("watch", "gate", id);
  await shown.page.getByText("running 0").waitFor();
  cut!();
  door.open();
  const told = await states;
  expect(told.at(-1)).toBe("succeeded 1");
  expect(new Set(told).size).toBe(told.length);
  expect(proxy.seen.some(({ url }) => url === `/gate/${id}/events`)).toBe(true);
});

test("follows a log to its end", async () => {
  const { id, door } = await gate();
  const text = user("log", "gate", id, "a");
  door.open();
  expect(await text).toBe("waiting\nthrough\n");
});

test.each(["watch", "wait"])(
  "an aborted %s rejects with the signal's reason and leaves no request open",
  async (what) => {
    const { id, door } = await gate();
    const gone: Array<Promise<unknown>> = [];
    const before = proxy.seen.length;
    expect(await user("abort", what, "gate", id)).toBe("AbortError");
    for (const request of proxy.seen.slice(before)) {
      gone.push(new Promise((done) => (request.destroyed ? done(0) : request.once("close", done))));
    }
    await Promise.all(gone);
    door.open();
  },
);
