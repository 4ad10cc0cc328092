import { loadavg } from "node:os";
import { newId } from "../../../src/model/ids";
import type { NewTask } from "../../../src/model/task";
import type { Claim } from "../../../src/store/store";
import { until } from "../../support/until";
import { type TestSystem, world } from "../../support/world";
import { openPages, type Pages, type Shown } from "../browser";

/** The matrix at 10,000 tasks × 50 endpoints. */
const TASKS = 10_000;
const ENDPOINTS = Array.from({ length: 50 }, (_, i) => `node-${String(i + 1).padStart(2, "0")}`);
/** The newest ones are under way; the rest waits for a time far ahead and gives the server nothing to do. */
const ACTIVE = 20;
/** Each of the active cells changes so often, one a millisecond, and so many at a time. */
const ROUNDS = 10;
const PART = 50;

let pages: Pages;
let w: TestSystem;
let shown: Shown;
let leases: Array<{
  taskId: string;
  endpoint: string;
  job: string;
  leaseId: string;
  generation: number;
  attempt: number;
}>;
let active: NewTask[];

function task(i: number): NewTask {
  const waits = i < TASKS - ACTIVE;
  return {
    id: newId(),
    type: "big",
    identifier: `task-${i}`,
    bodyHash: "0".repeat(64),
    payload: "{}",
    deliver: "each",
    endpoints: ENDPOINTS,
    jobs: [""],
    attempts: 3,
    timeoutMs: 3_600_000,
    waitMs: 3_600_000,
    expiresMs: null,
    priority: 0,
    delayUntil: waits ? "2099-01-01T00:00:00.000Z" : null,
    runKey: null,
    traceparent: null,
    createdBy: null,
  };
}

beforeAll(async () => {
  pages = await openPages();
  w = await world("embedded", { types: { big: { endpoints: ENDPOINTS } }, functions: {}, uiDir: pages.uiDir });
  const { store } = w.api;
  const all = Array.from({ length: TASKS }, (_, i) => task(i));
  for (let i = 0; i < all.length; i += 100) await store.tasks.create(all.slice(i, i + 100));
  active = all.slice(-ACTIVE).reverse();
  const claims: Claim[] = active.map(({ id }) => ({ taskId: id, job: "" }));
  leases = [];
  for (const endpoint of ENDPOINTS) {
    const id = newId();
    await store.managers.register({
      ...{ id, endpoint, labels: {}, types: ["big"], version: "0.0.0", host: "host", pid: 1, slot: endpoint },
      ttlMs: 3_600_000,
    });
    for (const answer of await store.managers.claim(id, endpoint, claims)) {
      if (answer.granted) leases.push({ ...answer, endpoint });
    }
  }
  const failing = leases.filter(({ endpoint, taskId }) => endpoint === "node-07" && taskId === active[0]!.id);
  const ends = failing.map((lease) => ({
    ...lease,
    status: "failed" as const,
    ...{ reason: "timeout", error: "took too long", result: null, resultText: null },
  }));
  await store.managers.finish(ends);
  leases = leases.filter((lease) => !failing.includes(lease));
  shown = await pages.open(w.url);
}, 400_000);
afterAll(async () => {
  await pages?.close();
  await w?.close();
});

const label = (task: number, endpoint: string, state: string) => `task task-${task} endpoint ${endpoint}: ${state}`;

test("holds in the document only what can be seen, and loads more as one goes down", async () => {
  const { page, go } = shown;
  await go("/matrix");
  const grid = page.getByRole("grid");
  await grid.getByRole("gridcell", { name: label(9999, "node-01", "running") }).waitFor();
  expect(await grid.getAttribute("aria-colcount")).toBe("52");
  const cells = () => page.locator(".mx-c").count();
  expect(await cells()).toBeLessThan(2500);
  await grid.focus();
  for (let i = 0; i < 40; i++) await page.keyboard.press("PageDown");
  await page
    .getByRole("status")
    .filter({ hasText: /[2-9]\d\d tasks loaded; scroll for more/ })
    .waitFor();
  expect(await cells()).toBeLessThan(2500);
});

test("is worked with the keyboard alone: arrows, ends, Enter and Escape", async () => {
  const { page, go } = shown;
  await go("/tasks");
  await go("/matrix");
  await page.getByRole("grid").waitFor();
  const focused = async () => (await page.evaluate("document.activeElement.getAttribute('role')")) === "grid";
  for (let i = 0; i < 60 && !(await focused()); i++) await page.keyboard.press("Tab");
  const isAt = async (wanted: string) => {
    let found: unknown;
    const script = `document.getElementById(document.querySelector("[role=grid]").getAttribute("aria-activedescendant"))?.getAttribute("aria-label")`;
    await until(
      `the keyboard to be at "${wanted}"`,
      async () => {
        found = await page.evaluate(script);
        return found === wanted;
      },
      5000,
    ).catch((error: Error) => {
      throw new Error(`${error.message} It is at "${found}".`);
    });
  };
  await isAt(label(9999, "node-01", "running"));
  for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowRight");
  await isAt(label(9999, "node-07", "timed out"));
  await page.locator(".mx-card").filter({ hasText: "reason timeout" }).waitFor();
  await page.keyboard.press("Enter");
  const panel = page.getByRole("complementary", { name: "Response of node-07" });
  await panel.getByText("took too long").first().waitFor();
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  expect(await focused()).toBe(true);
  await isAt(label(9999, "node-07", "timed out"));
  await page.keyboard.press("ArrowDown");
  await isAt(label(9998, "node-07", "running"));
  await page.keyboard.press("End");
  await isAt("0 of 50 succeeded, 0 need attention");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "task-9998" }).waitFor();
});

test("shows only what has problems, and isolates a state, both in the address", async () => {
  const { page, go } = shown;
  await go("/matrix");
  await page.getByLabel("Only tasks with problems").check();
  await page.getByRole("status").filter({ hasText: "1 of" }).waitFor();
  await page.getByLabel("Only endpoints with problems").check();
  await page.getByRole("status").filter({ hasText: "1 endpoints" }).waitFor();
  expect(page.url()).toContain("problems=1");
  await go("/matrix?only=running");
  await page.getByRole("button", { name: /^running/, pressed: true }).waitFor();
  await page
    .getByRole("status")
    .filter({ hasText: `${ACTIVE} of` })
    .waitFor();
});

test("nothing moves while the pointer is inside: new tasks are counted, and shown when asked for", async () => {
  const { page, go } = shown;
  await go("/matrix");
  const first = page.locator(".mx-name").first();
  await first.hover();
  const before = await first.textContent();
  await w.submit("big", { identifier: "newcomer", delay_until: "2099-01-01T00:00:00Z" });
  const button = page.getByRole("button", { name: "Show 1 new" });
  await button.waitFor();
  expect(await first.textContent()).toBe(before);
  await button.click();
  await page.locator(".mx-name").filter({ hasText: "newcomer" }).waitFor();
});

type Lease = (typeof leases)[number];

/** Changes every active cell so often, a thousand a second, and tells how smoothly the page was drawn meanwhile. */
async function drawn(what: string, rounds: number, change: (part: Lease[], round: number) => Promise<unknown>) {
  const { page } = shown;
  await page.evaluate(
    `globalThis.frames = []; (function next(at) { frames.push(at); globalThis.request = requestAnimationFrame(next); })(performance.now())`,
  );
  const began = Date.now();
  let changed = 0;
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < leases.length; i += PART) {
      const part = leases.slice(i, i + PART);
      await change(part, round);
      changed += part.length;
      await new Promise((next) => setTimeout(next, Math.max(0, began + changed - Date.now())));
    }
  }
  const seconds = (Date.now() - began) / 1000;
  const gaps = (await page.evaluate(
    "cancelAnimationFrame(globalThis.request), frames.slice(1).map((at, i) => at - frames[i])",
  )) as number[];
  gaps.sort((a, b) => a - b);
  const at = (share: number) => Math.round(gaps[Math.floor(gaps.length * share)]! * 10) / 10;
  const told = {
    cells_a_second: Math.round(changed / seconds),
    frames_a_second: Math.round((gaps.length / gaps.reduce((sum, gap) => sum + gap, 0)) * 10_000) / 10,
    ms_between_frames: { p95: at(0.95), p99: at(0.99), most: Math.round(gaps.at(-1)!) },
    load_average: loadavg()[0]!.toFixed(1),
  };
  process.stderr.write(`matrix while cells ${what}: ${JSON.stringify(told)}\n`);
}

test("follows a thousand cells a second", async () => {
  const { page, go } = shown;
  await go("/matrix");
  await page.getByRole("gridcell", { name: label(9999, "node-01", "running") }).waitFor();
  const { managers } = w.api.store;
  await drawn("tell their progress", ROUNDS, (part, round) =>
    managers.progress(part.map((lease) => ({ ...lease, progress: round / 20, message: null }))),
  );
  await page.getByRole("gridcell", { name: label(9999, "node-01", `running, ${ROUNDS * 5} percent`) }).waitFor();
  expect(await page.locator(".mx-c .mark").first().textContent()).toBe(String(ROUNDS * 5));
  const end = { status: "succeeded" as const, reason: null, error: null, result: null, resultText: null };
  await drawn("end", 1, (part) => managers.finish(part.map((lease) => ({ ...lease, ...end }))));
  await page.getByRole("gridcell", { name: label(9998, "node-50", "succeeded") }).waitFor();
}, 60_000);

test("every other page works beside so many tasks", async () => {
  const { page, go, problems } = shown;
  for (const hash of [
    "/",
    "/tasks",
    "/endpoints",
    "/endpoints/node-01",
    "/types/big",
    "/system",
    `/tasks/big/${active[0]!.id}`,
  ]) {
    await go(hash);
  }
  await go("/tasks");
  await page.getByRole("button", { name: "Load more" }).click();
  await page.getByText("100 shown, there are more").waitFor();
  expect(problems).toEqual([]);
}, 120_000);
